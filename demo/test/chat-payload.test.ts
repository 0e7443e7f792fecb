import fc from 'fast-check';
import { expect, test } from 'vitest';

import { decodePayload, encodePayload, MOST_NAME, MOST_TEXT, REACTIONS } from '../src/chat/chat-payload.ts';

test('text, names and reactions arrive as they were sent', () => {
  const text = { kind: 'text', text: 'Hello, "world" <b>', name: 'Ada' } as const;
  expect(decodePayload(encodePayload(text))).toEqual(text);
  expect(decodePayload(encodePayload({ ...text, name: '' }))).toEqual({ ...text, name: '' });
  for (const reaction of REACTIONS) {
    expect(decodePayload(encodePayload({ kind: 'reaction', reaction }))).toEqual({
      kind: 'reaction',
      reaction,
    });
  }
});

test('the longest message that the fields take has room in one of CASTO', () => {
  for (const letter of ['a', '"', '\\', '語', '👏']) {
    const write = (most: number) => letter.repeat(most / letter.length);
    const data = encodePayload({ kind: 'text', text: write(MOST_TEXT), name: write(MOST_NAME) });
    expect(data.length).toBeLessThanOrEqual(1000);
    expect(new TextEncoder().encode(data).length).toBeLessThanOrEqual(2048);
  }
});

test('what other apps send is shown as text, or not at all', () => {
  expect(decodePayload('hello')).toEqual({ kind: 'text', text: 'hello', name: '' });
  expect(decodePayload('[1,2]')).toEqual({ kind: 'text', text: '[1,2]', name: '' });
  for (const data of ['', '   ', '{}', '{"c":7}', '{"r":"💀"}', '{"c":" "}', '{"n":"Ada"}']) {
    expect(decodePayload(data)).toBeNull();
  }
  expect(decodePayload('{"c":"hi","n":{"toString":1}}')).toEqual({ kind: 'text', text: 'hi', name: '' });
});

test('nobody turns the text around theirs, or piles marks over other lines', () => {
  expect(decodePayload('a\u202Eb\u2066c\nd')).toEqual({ kind: 'text', text: 'a b c d', name: '' });
  const zalgo = decodePayload(`e${'\u0301'.repeat(50)}`);
  expect(zalgo?.kind === 'text' && zalgo.text.length).toBe(5);
});

test('whatever comes, what is shown is short', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ maxLength: 2000 }),
        fc.json(),
        fc.record({ c: fc.string(), n: fc.string({ maxLength: 100 }) }).map((value) => JSON.stringify(value)),
      ),
      (data) => {
        const payload = decodePayload(data);
        if (payload?.kind !== 'text') return;
        expect(Array.from(payload.text).length).toBeLessThanOrEqual(MOST_TEXT);
        expect(payload.text.trim()).not.toBe('');
        expect(Array.from(payload.name).length).toBeLessThanOrEqual(MOST_NAME);
      },
    ),
  );
});
