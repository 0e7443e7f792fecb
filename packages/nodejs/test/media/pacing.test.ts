import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createKeyFrameRequests } from '../../src/media/key-frame-requests.ts';
import { createQueueAge } from '../../src/media/queue-age.ts';
import { createResendBudget } from '../../src/media/resend-budget.ts';

describe('key frame requests', () => {
  test('the first goes out at once, the last of a burst at the trailing edge', () => {
    const requests = createKeyFrameRequests();
    expect(requests.request(1000)).toBe(true);
    requests.keyFrameArrived(1050);
    expect(requests.request(1100)).toBe(false);
    expect(requests.request(1150)).toBe(false);
    expect(requests.tick(1199, true)).toBe(false);
    expect(requests.tick(1200, true)).toBe(true);
    expect(requests.tick(1220, true)).toBe(false);
  });

  test('a key frame satisfies those who asked before it', () => {
    const requests = createKeyFrameRequests();
    requests.request(1000);
    requests.request(1010);
    requests.keyFrameArrived(1100);
    expect(requests.tick(1300, true)).toBe(false);
  });

  test('an unanswered request is repeated ever more slowly', () => {
    const requests = createKeyFrameRequests();
    const sent: number[] = [];
    if (requests.request(0)) sent.push(0);
    for (let now = 20; now < 20_000; now += 20) if (requests.tick(now, false)) sent.push(now);
    expect(sent).toEqual([0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500]);
  });

  test('a stream that is watched gets a key frame when its last is too old', () => {
    const requests = createKeyFrameRequests();
    requests.keyFrameArrived(0);
    expect(requests.tick(2200, true)).toBe(false);
    expect(requests.tick(2220, false)).toBe(false);
    expect(requests.tick(2220, true)).toBe(true);
  });

  test('never more often than every 200 ms, and no request is lost', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(400), fc.constantFrom('ask', 'key', 'tick')), { maxLength: 60 }),
        (steps) => {
          const requests = createKeyFrameRequests();
          let now = 0;
          let lastSent = -Infinity;
          let waitingSince: number | null = null;
          const sent = (): void => {
            expect(now - lastSent).toBeGreaterThanOrEqual(200);
            lastSent = now;
            waitingSince = null;
          };
          for (const [elapsed, step] of steps) {
            now += elapsed;
            if (step === 'key') {
              requests.keyFrameArrived(now);
              waitingSince = null;
            } else if (step === 'ask') {
              waitingSince ??= now;
              if (requests.request(now)) sent();
            } else if (requests.tick(now, false)) sent();
          }
          if (waitingSince === null) return;
          now += 200;
          expect(requests.tick(now, false)).toBe(true);
        },
      ),
    );
  });
});

describe('queue age', () => {
  test('packets of a healthy loop are fresh, whatever their timestamps say', () => {
    const age = createQueueAge(90_000, 0);
    for (let now = 0; now < 4000; now += 20) {
      expect(age.measure((now * 7_919_919) >>> 0, now)).toBe(0);
      age.tick(now);
    }
  });

  test('after a stall each packet is as old as its timestamp says', () => {
    const age = createQueueAge(90_000, 0);
    for (let now = 0; now <= 180; now += 20) {
      age.measure(now * 90, now);
      age.tick(now);
    }
    const ages = [200, 400, 600, 800, 1000, 1200].map((sentAt) => age.measure(sentAt * 90, 1200));
    expect(ages).toEqual([1000, 800, 600, 400, 200, 0]);
  });

  test('a timestamp that lies cannot make a packet older than the stall', () => {
    const age = createQueueAge(90_000, 0);
    age.measure(90_000 * 100, 0);
    age.tick(20);
    age.tick(40);
    expect(age.measure(0, 340)).toBe(320);
  });

  test('a loop that took all it could take has not emptied the queue', () => {
    const age = createQueueAge(90_000, 0);
    age.measure(0, 0);
    age.tick(20);
    let now = 20;
    for (let tick = 0; tick < 5; tick += 1) {
      for (let packet = 0; packet < 1000; packet += 1) age.measure(0, (now += 0.1));
      age.tick(now);
    }
    expect(age.measure(0, now)).toBeGreaterThan(350);
  });
});

describe('resend budget', () => {
  test('a packet is not repeated while its last repeat is under way', () => {
    const budget = createResendBudget();
    expect(budget.take(5, 100, 100)).toBe('allowed');
    expect(budget.take(5, 105, 105)).toBe('repeated');
    expect(budget.take(6, 105, 105)).toBe('allowed');
    expect(budget.take(5, 111, 111)).toBe('allowed');
  });

  test('what was sent more than a second ago is not repeated, and costs nothing', () => {
    const budget = createResendBudget();
    for (let packet = 0; packet < 1_000; packet += 1) expect(budget.take(packet, 0, 1_001)).toBe('stale');
    expect(budget.take(1, 1, 1_001)).toBe('allowed');
  });

  test('a storm is limited to a quarter of what is forwarded', () => {
    const budget = createResendBudget();
    let allowed = 0;
    for (let packet = 0; packet < 10_000; packet += 1) {
      budget.earn();
      for (let ask = 0; ask < 3; ask += 1) {
        if (budget.take(packet * 3 + ask, packet, packet) === 'allowed') allowed += 1;
      }
    }
    expect(allowed).toBeGreaterThan(2500);
    expect(allowed).toBeLessThan(2500 + 260);
  });
});
