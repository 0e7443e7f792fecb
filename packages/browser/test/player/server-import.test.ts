import { expect, test } from 'vitest';

test('a server imports the player without having any elements', async () => {
  expect('HTMLElement' in globalThis).toBe(false);
  const { CastoPlayerElement, CastoRun } = await import('../../src/player.ts');
  expect(CastoPlayerElement.observedAttributes).toContain('channel');
  expect(CastoRun).toBeTypeOf('function');
});
