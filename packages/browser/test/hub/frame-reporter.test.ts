import { describe, expect, test } from 'vitest';
import { FrameReporter } from '../../src/hub/frame-reporter.ts';
import type { FromWorker } from '../../src/worker-messages.ts';
import { keyPicture, picture } from './frames.ts';

function reporter(): { reporter: FrameReporter; reports: FromWorker[] } {
  const reports: FromWorker[] = [];
  return {
    reporter: new FrameReporter({ source: 7, kind: 'video' }, (report) => reports.push(report)),
    reports,
  };
}

describe('the reports of frames', () => {
  test('tell of the first at once', () => {
    const { reporter: told, reports } = reporter();
    told.take(keyPicture(0, { bytes: 900, capturedAt: 5 }), { at: 1_000, sent: 1 });
    expect(reports).toEqual([
      {
        type: 'frames',
        source: 7,
        kind: 'video',
        frames: 1,
        keyFrames: 1,
        bytes: 900,
        sent: 1,
        at: 1_000,
        capturedAt: 5,
      },
    ]);
  });

  test('come no sooner than 30 ms after one another, and leave no frame out', () => {
    const { reporter: told, reports } = reporter();
    told.take(keyPicture(0), { at: 1_000, sent: 1 });
    told.take(picture(1, { bytes: 10 }), { at: 1_010, sent: 1 });
    told.take(picture(4, { bytes: 20 }), { at: 1_029, sent: 3 });
    expect(reports).toHaveLength(1);
    told.take(picture(5, { bytes: 30, capturedAt: 99 }), { at: 1_030, sent: 1 });
    expect(reports).toHaveLength(2);
    expect(reports[1]).toMatchObject({
      frames: 3,
      keyFrames: 0,
      bytes: 60,
      sent: 5,
      at: 1_030,
      capturedAt: 99,
    });
  });

  test('begin at nothing after each', () => {
    const { reporter: told, reports } = reporter();
    told.take(keyPicture(0), { at: 1_000, sent: 1 });
    told.take(picture(1, { capturedAt: null }), { at: 1_033, sent: 1 });
    expect(reports[1]).toMatchObject({ frames: 1, keyFrames: 0, bytes: 1_000, capturedAt: null });
    expect(reports[0]).toMatchObject({ frames: 1, keyFrames: 1 });
  });

  test('tell when the last frame with a trailer was captured', () => {
    const { reporter: told, reports } = reporter();
    told.take(keyPicture(0), { at: 1_000, sent: 1 });
    told.take(picture(1, { capturedAt: 4 }), { at: 1_010, sent: 1 });
    told.take(picture(2, { capturedAt: null }), { at: 1_040, sent: 0 });
    expect(reports[1]).toMatchObject({ capturedAt: 4, sent: 1, frames: 2 });
  });
});
