import { describe, expect, test } from 'vitest';

import { commandFor, steppedVolume } from '../../src/player/player-keys.ts';

describe('keys', () => {
  test.each([
    [' ', 'toggle-play'],
    ['k', 'toggle-play'],
    ['K', 'toggle-play'],
    ['m', 'toggle-sound'],
    ['f', 'toggle-fullscreen'],
    ['i', 'toggle-picture-in-picture'],
    ['ArrowUp', 'louder'],
    ['ArrowDown', 'quieter'],
    ['Tab', null],
    ['Enter', null],
    ['constructor', null],
    ['ArrowLeft', null],
  ])('%j does %s', (key, command) => {
    expect(commandFor({ key, hasModifier: false, on: 'other' })).toBe(command);
  });

  test('space presses the button that has the focus', () => {
    expect(commandFor({ key: ' ', hasModifier: false, on: 'button' })).toBeNull();
    expect(commandFor({ key: 'm', hasModifier: false, on: 'button' })).toBe('toggle-sound');
  });

  test('arrows move the slider that has the focus', () => {
    expect(commandFor({ key: 'ArrowUp', hasModifier: false, on: 'slider' })).toBeNull();
  });

  test('text that is typed, and shortcuts of the browser, are left alone', () => {
    expect(commandFor({ key: 'm', hasModifier: false, on: 'text' })).toBeNull();
    expect(commandFor({ key: 'f', hasModifier: true, on: 'other' })).toBeNull();
  });
});

describe('volume', () => {
  test('goes by steps of a twentieth, and stays within its bounds', () => {
    expect(steppedVolume(0.5, 'louder')).toBe(0.55);
    expect(steppedVolume(0.98, 'louder')).toBe(1);
    expect(steppedVolume(0.02, 'quieter')).toBe(0);
    expect(steppedVolume(0.3, 'quieter')).toBe(0.25);
  });
});
