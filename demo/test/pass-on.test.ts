import { expect, test } from 'vitest';

import { storedPassOn, storePassOn } from '../src/session/pass-on.ts';
import type { OpenStorage } from '../src/session/pass-on.ts';

function memory(): OpenStorage {
  const kept = new Map<string, string>();
  const storage = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
  };
  return () => storage;
}

test('a page passes broadcasts on until somebody switches it off, and again when they switch it on', () => {
  const storage = memory();
  expect(storedPassOn(storage)).toBe('on');
  storePassOn(storage, 'off');
  expect(storedPassOn(storage)).toBe('off');
  storePassOn(storage, 'on');
  expect(storedPassOn(storage)).toBe('on');
});

test('where nothing may be stored the choice is not, and nothing fails', () => {
  const forbidden: OpenStorage = () => {
    throw new DOMException('storage is blocked', 'SecurityError');
  };
  expect(() => storePassOn(forbidden, 'off')).not.toThrow();
  expect(storedPassOn(forbidden)).toBe('on');
});
