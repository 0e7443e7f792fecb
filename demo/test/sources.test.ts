import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';

import { deviceChoices } from '../src/go-live/device-lists.ts';
import { fitInto } from '../src/go-live/file-source.ts';
import { loudness } from '../src/go-live/level-meter.ts';
import { openSource } from '../src/go-live/open-source.ts';
import { layerCount, pictureSize } from '../src/go-live/quality.ts';
import { errorName, problemOf, SourceError } from '../src/go-live/source-problems.ts';
import type { SourceKind } from '../src/go-live/source-problems.ts';

const KINDS: readonly SourceKind[] = ['camera', 'screen', 'file', 'test-picture'];
const NAMES = ['NotAllowedError', 'NotFoundError', 'NotReadableError', 'OverconstrainedError', 'TypeError'];

test('whatever keeps a source closed is said in words, with what to do next', () => {
  const errors = [
    ...NAMES.map((name) => new DOMException('no', name)),
    new SourceError('insecure-context'),
    new SourceError('no-capture'),
    new SourceError('unplayable-file'),
    'not even an error',
  ];
  for (const kind of KINDS) {
    for (const error of errors) {
      const { title, advice } = problemOf(kind, error);
      expect(title.length).toBeGreaterThan(5);
      expect(advice).toMatch(/\.$/);
      expect(title + advice).not.toMatch(/error|exception|undefined|stream/i);
    }
  }
});

test('a forbidden camera, a missing one and a busy one read differently', () => {
  const titles = ['NotAllowedError', 'NotFoundError', 'NotReadableError'].map(
    (name) => problemOf('camera', new DOMException('no', name)).title,
  );
  expect(titles).toEqual(['The camera is not allowed', 'No camera found', 'The camera is in use']);
});

test('an error that inherits from no other is told by its name', () => {
  const error = { name: 'OverconstrainedError', constraint: 'deviceId' };
  expect(problemOf('camera', error).title).toBe('No camera found');
  expect([error, 'OverconstrainedError', null, { name: 7 }].map(errorName)).toEqual([error.name, '', '', '']);
});

describe('a camera beside a microphone that cannot be had', () => {
  afterEach(() => vi.unstubAllGlobals());

  /** A computer on which these are missing; asked for exactly, or at all. */
  function computerWithout(missing: readonly ('video' | 'audio')[], name: string): string[] {
    const asked: string[] = [];
    vi.stubGlobal('navigator', {
      mediaDevices: {
        getUserMedia: (constraints: MediaStreamConstraints) => {
          const kinds = (['video', 'audio'] as const).filter((kind) => Boolean(constraints[kind]));
          asked.push(kinds.join('+'));
          if (kinds.some((kind) => missing.includes(kind)))
            return Promise.reject(new DOMException('no', name));
          return Promise.resolve({ getTracks: () => [], getVideoTracks: () => [] });
        },
      },
    });
    return asked;
  }

  const choice = { kind: 'camera', size: '720', camera: 'one', microphone: 'two', file: null } as const;

  test.each(['NotFoundError', 'NotReadableError', 'OverconstrainedError'])(
    '%s of the microphone: the picture comes without sound',
    async (name) => {
      const asked = computerWithout(['audio'], name);
      expect((await openSource(choice)).kind).toBe('camera');
      expect(asked).toEqual(['video+audio', 'video']);
    },
  );

  test('when the camera is gone that is what the person reads', async () => {
    computerWithout(['video'], 'OverconstrainedError');
    const error: unknown = await openSource(choice).catch((thrown: unknown) => thrown);
    expect(problemOf('camera', error).title).toBe('No camera found');
  });

  test('a forbidden one is asked for once', async () => {
    const asked = computerWithout(['audio'], 'NotAllowedError');
    await expect(openSource(choice)).rejects.toThrow('no');
    expect(asked).toEqual(['video+audio']);
  });
});

test('devices are chosen by name, and before permission there is nothing to choose', () => {
  const before = [{ deviceId: '', kind: 'videoinput', label: '' }] as const;
  expect(deviceChoices(before, 'videoinput')).toEqual([]);
  const after = [
    { deviceId: 'a', kind: 'videoinput', label: 'Front' },
    { deviceId: 'b', kind: 'audioinput', label: 'Desk' },
    { deviceId: 'c', kind: 'videoinput', label: '' },
  ] as const;
  expect(deviceChoices(after, 'videoinput')).toEqual([
    { id: 'a', label: 'Front' },
    { id: 'c', label: 'Camera 2' },
  ]);
});

test('a file keeps its shape, is never blown up, and has even sides', () => {
  expect(fitInto({ width: 1280, height: 720 }, { videoWidth: 3840, videoHeight: 2160 })).toEqual({
    width: 1280,
    height: 720,
  });
  expect(fitInto({ width: 1280, height: 720 }, { videoWidth: 1080, videoHeight: 1920 })).toEqual({
    width: 406,
    height: 720,
  });
  const side = fc.integer({ min: 1, max: 8000 });
  fc.assert(
    fc.property(side, side, (videoWidth, videoHeight) => {
      const { width, height } = fitInto({ width: 1280, height: 720 }, { videoWidth, videoHeight });
      expect([width % 2, height % 2]).toEqual([0, 0]);
      expect(width).toBeLessThanOrEqual(Math.max(2, Math.min(1280, videoWidth + 1)));
      expect(height).toBeLessThanOrEqual(Math.max(2, Math.min(720, videoHeight + 1)));
    }),
  );
});

test('loudness runs from silence to full scale, evenly to the ear', () => {
  expect([0, -1, Number.NaN].map(loudness)).toEqual([0, 0, 0]);
  expect(loudness(1)).toBe(1);
  expect(loudness(0.0316)).toBeCloseTo(0.5, 2);
  expect(loudness(0.0001)).toBe(0);
});

test('fields that hold nonsense mean the usual', () => {
  expect([pictureSize('1080'), pictureSize('4320'), pictureSize(null)]).toEqual(['1080', '720', '720']);
  expect(['1', '2', '3', '9', null].map(layerCount)).toEqual([1, 2, 3, 1, 1]);
});
