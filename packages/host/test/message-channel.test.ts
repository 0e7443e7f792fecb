import { afterEach, describe, expect, test } from 'vitest';
import { encode as encodeVarint } from 'uint8-varint';
import type { Stream } from '@libp2p/interface';
import { encodeTuple, integer, type MalformedError, messageCodec, rendezvousCodec } from '@casto/core';
import { VirtualClock } from '../src/conformance/virtual-clock.ts';
import { messageChannel } from '../src/index.ts';
import { TestPeers } from '../src/conformance/loopback-peers.ts';

const MAX_BYTES = 100;
const codec = messageCodec({ number: { code: 1, fields: { value: integer(0, 1e9) } } }, MAX_BYTES);
const peers = new TestPeers();

afterEach(() => peers.stop());

async function world() {
  const clock = new VirtualClock();
  const { near, far } = await peers.stream();
  const channel = messageChannel(near, codec, clock);
  return { clock, near, far, channel };
}

function frame(bytes: Uint8Array): Uint8Array {
  return new Uint8Array([...encodeVarint(bytes.length), ...bytes]);
}

function unknownMessage(): Uint8Array {
  return frame(encodeTuple({}, {}, [77]));
}

function number(value: number): Uint8Array {
  return frame(codec.encode({ type: 'number', value }));
}

function malformed(reason: MalformedError['reason']): unknown {
  return expect.objectContaining({ name: 'MalformedError', reason });
}

function until(stream: Stream, event: 'close' | 'remoteCloseWrite'): Promise<void> {
  return new Promise((resolve) => stream.addEventListener(event, () => resolve(), { once: true }));
}

describe('messages on a stream', () => {
  test('[W3.3] arrive in order, however the stream is cut into pieces', async () => {
    const { far, channel } = await world();
    const all = Array.from({ length: 5 }, (_, i) => number(i)).flatMap((bytes) => [...bytes]);
    for (const byte of all) far.send(new Uint8Array([byte]));

    for (let i = 0; i < 5; i++) expect(await channel.read()).toEqual({ type: 'number', value: i });
  });

  test('are written with their length before them', async () => {
    const { far, channel } = await world();
    const other = messageChannel(far, codec);

    await channel.write({ type: 'number', value: 7 });
    await channel.write({ type: 'number', value: 8 });

    expect([await other.read(), await other.read()].map(({ value }) => value)).toEqual([7, 8]);
  });

  test('[W3.3, W2.2] of unknown types are skipped, up to 15 in a row', async () => {
    const { far, channel } = await world();
    for (let i = 0; i < 15; i++) far.send(unknownMessage());
    far.send(number(1));
    for (let i = 0; i < 15; i++) far.send(unknownMessage());
    far.send(number(2));

    expect(await channel.read()).toEqual({ type: 'number', value: 1 });
    expect(await channel.read()).toEqual({ type: 'number', value: 2 });
  });

  test('[W3.3] of unknown types end the reading after 16 in a row', async () => {
    const { far, channel } = await world();
    for (let i = 0; i < 16; i++) far.send(unknownMessage());

    await expect(channel.read()).rejects.toEqual(malformed('unknown-type'));
  });

  test('[W3.1] that announce too many bytes are refused before the bytes are there', async () => {
    const { far, channel } = await world();
    far.send(encodeVarint(MAX_BYTES + 1));

    await expect(channel.read()).rejects.toEqual(malformed('too-large'));
  });

  test.each([
    ['without an end', [0xff, 0xff, 0xff, 0xff]],
    ['of more than three bytes', [0x80, 0x80, 0x80, 0x01]],
    ['of a number beyond all others', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]],
  ])('[W3.1] with a length prefix %s are refused', async (_, prefix) => {
    const { far, channel } = await world();
    for (const byte of prefix) far.send(new Uint8Array([byte]));

    await expect(channel.read()).rejects.toEqual(malformed('too-large'));
  });

  test('that are empty, or no CBOR, are refused', async () => {
    const { far, channel } = await world();
    far.send(frame(new Uint8Array()));
    far.send(frame(new Uint8Array([0xff, 0xff])));

    await expect(channel.read()).rejects.toEqual(malformed('not-decodable'));
    await expect(channel.read()).rejects.toEqual(malformed('not-decodable'));
  });

  test('that come much faster than they are read end the stream', async () => {
    const { near, far, channel } = await world();
    const closed = until(near, 'close');
    for (let i = 0; i < 200; i++) far.send(number(i));
    await closed;

    await expect(channel.read()).rejects.toEqual(malformed('too-large'));
  });
});

describe('a stream that is not read', () => {
  test('takes no more than a window and four messages', async () => {
    const { near } = await peers.stream();
    const channel = messageChannel(near, rendezvousCodec);
    const announcement = { type: 'announce', record: new Uint8Array(2_000), token: null } as const;
    const outcomes: Promise<unknown>[] = [];
    while (near.status === 'open' && outcomes.length < 10_000) {
      outcomes.push(channel.write(announcement).catch((error: unknown) => error));
    }

    expect(await outcomes.at(-1)).toEqual(malformed('too-large'));
    expect(near.status).toBe('aborted');
    expect(outcomes.length).toBeLessThan(1_000);
    // Whoever waits for room is told.
    await Promise.all(outcomes);
  });
});

describe('half a message', () => {
  test('and then the end is an error, not a message', async () => {
    const { far, channel } = await world();
    far.send(number(70_000).subarray(0, 4));
    await far.close();

    await expect(channel.read()).rejects.toThrow(/EOF/);
  });

  test('and then nothing is waited for until the signal aborts', async () => {
    const { far, channel } = await world();
    far.send(number(70_000).subarray(0, 4));
    const stop = new AbortController();
    const reading = channel.read(stop.signal);
    stop.abort();

    await expect(reading).rejects.toThrow(/abort/i);
    channel.abort(new Error('done'));
  });

  test('and then a reset ends the reading', async () => {
    const { far, channel } = await world();
    far.send(number(70_000).subarray(0, 4));
    const reading = channel.read();
    expect(channel.isReset).toBe(false);
    far.abort(new Error('gone'));

    await expect(reading).rejects.toThrow(/reset|EOF/);
    expect(channel.isReset).toBe(true);
  });
});

describe('closing', () => {
  test('leaves no timer when the other end closes too', async () => {
    const { clock, near, far, channel } = await world();
    const closed = until(near, 'close');
    await channel.close();
    await far.close();
    await closed;

    expect(near.status).toBe('closed');
    expect(clock.pending).toBe(0);
  });

  test('resets a stream whose other end stays open', async () => {
    const { clock, near, far, channel } = await world();
    await channel.close();
    expect(near.status).toBe('open');
    const reset = until(far, 'close');

    clock.advance(2_000);
    await reset;

    expect([near.status, far.status]).toEqual(['aborted', 'reset']);
    expect(clock.pending).toBe(0);
  });

  test('does nothing twice, nor after a reset', async () => {
    const { clock, near, channel } = await world();
    channel.abort(new Error('gone'));
    await channel.close();
    await channel.close();

    expect(near.status).toBe('aborted');
    expect(clock.pending).toBe(0);
    await expect(channel.write({ type: 'number', value: 1 })).rejects.toThrow(/closed/);
  });
});
