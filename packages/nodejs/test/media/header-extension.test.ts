/** Elements of RTP header extensions, in both forms of RFC 8285. */

import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { readHeaderExtension } from '../../src/media/header-extension.ts';
import { rtp } from './rtp-builder.ts';

type Element = { id: number; bytes: Uint8Array };
type Form = 'one' | 'two';

/** A packet with these elements, some padding before each. */
function packetOf(form: Form, elements: readonly Element[], padding: number, sources: number): Buffer {
  const parts = elements.flatMap(({ id, bytes }) => [
    Buffer.alloc(padding),
    form === 'one' ? Buffer.from([(id << 4) | (bytes.length - 1)]) : Buffer.from([id, bytes.length]),
    bytes,
  ]);
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const extension = Buffer.concat([...parts, Buffer.alloc((4 - (length % 4)) % 4)]);
  const packet = rtp({ extension, sources: Array.from({ length: sources }, () => 7) });
  packet.writeUInt16BE(form === 'one' ? 0xbede : 0x1003, 12 + 4 * sources);
  return packet;
}

const elementsOf = (form: Form): fc.Arbitrary<Element[]> =>
  fc.uniqueArray(
    fc.record({
      id: fc.integer({ min: 1, max: form === 'one' ? 14 : 255 }),
      bytes: fc.uint8Array({ minLength: form === 'one' ? 1 : 0, maxLength: form === 'one' ? 16 : 40 }),
    }),
    { selector: ({ id }) => id, maxLength: 8 },
  );

test.each(['one', 'two'] as const)('elements with heads of %s bytes are found by their numbers', (form) => {
  const few = fc.integer({ min: 0, max: 3 });
  fc.assert(
    fc.property(
      elementsOf(form),
      few,
      few,
      fc.integer({ min: 1, max: 14 }),
      (elements, padding, sources, other) => {
        const packet = packetOf(form, elements, padding, sources);
        for (const { id, bytes } of elements) {
          expect(readHeaderExtension(packet, id)).toEqual(Buffer.from(bytes));
        }
        if (elements.every(({ id }) => id !== other)) expect(readHeaderExtension(packet, other)).toBeNull();
      },
    ),
  );
});

test('nothing is found where there is no extension, another form, or a cut', () => {
  expect(readHeaderExtension(rtp(), 1)).toBeNull();
  const packet = packetOf('one', [{ id: 10, bytes: Buffer.from('high') }], 0, 0);
  expect(readHeaderExtension(packet, 10)?.toString()).toBe('high');
  for (let length = 12; length < 21; length += 1) {
    expect(readHeaderExtension(packet.subarray(0, length), 10)).toBeNull();
  }
  packet.writeUInt16BE(0xabcd, 12);
  expect(readHeaderExtension(packet, 10)).toBeNull();
});

test('elements behind the one that ends them are not read', () => {
  const extension = Buffer.from([0xf0, 0, 0xa1, 0x68, 0x69, 0, 0, 0]);
  expect(readHeaderExtension(rtp({ extension }), 10)).toBeNull();
});

test('whatever the bytes are, what is found lies in the packet', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 12, maxLength: 80 }),
      fc.integer({ min: 1, max: 255 }),
      (bytes, id) => {
        const packet = Buffer.from(bytes);
        packet[0] = 0x90 | (packet[0] ?? 0);
        if (packet.length > 14 && (bytes[13] ?? 0) < 128) packet.writeUInt16BE(0xbede, 12);
        const found = readHeaderExtension(packet, id);
        if (found !== null) expect(packet.includes(found)).toBe(true);
      },
    ),
  );
});
