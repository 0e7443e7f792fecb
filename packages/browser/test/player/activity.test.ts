import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { Activity } from '../../src/player/activity.ts';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

test('whoever does nothing for three seconds is idle, and each move counts anew', () => {
  const changes: boolean[] = [];
  const activity: Activity = new Activity(() => changes.push(activity.isActive));
  activity.notice();
  vi.advanceTimersByTime(2_900);
  activity.notice();
  vi.advanceTimersByTime(2_900);
  expect(changes).toEqual([true]);
  vi.advanceTimersByTime(100);
  expect(changes).toEqual([true, false]);
});

test('whoever leaves is idle at once, and is not noticed again later', () => {
  const onChange = vi.fn<() => void>();
  const activity = new Activity(onChange);
  activity.notice();
  activity.dismiss();
  expect(activity.isActive).toBe(false);
  expect(vi.getTimerCount()).toBe(0);
  activity.close();
  expect(onChange).toHaveBeenCalledTimes(2);
});
