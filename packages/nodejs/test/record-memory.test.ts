import { generateKeyPair } from '@libp2p/crypto/keys';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { describe, expect, test } from 'vitest';
import { recordKey } from '@casto/core';
import { peerIdOf } from '@casto/host';
import { VirtualClock } from '@casto/host/conformance/virtual-clock';
import { RecordMemory, recordSelectors } from '../src/record-memory.ts';
import { liveRecord } from './relay/relay-peers.ts';

const MAX_RECORDS = 10_000;

async function signer(): Promise<Parameters<typeof liveRecord>[0]> {
  const key = await generateKeyPair('Ed25519');
  return { key, id: peerIdOf(peerIdFromPrivateKey(key)) };
}

async function world() {
  const clock = new VirtualClock();
  const memory = new RecordMemory(clock);
  const streamer = await signer();
  const sign = (changes: Parameters<typeof liveRecord>[2] = {}): ReturnType<typeof liveRecord> =>
    liveRecord(streamer, clock.now(), changes);
  const key = new TextEncoder().encode(recordKey(streamer.id));
  return { clock, memory, streamer, sign, key };
}

describe('a record', () => {
  test('[D4.1] is news once, and until a higher sequence comes', async () => {
    const { memory, streamer, sign } = await world();
    const [second, first, third] = [await sign({ sequence: 2 }), await sign(), await sign({ sequence: 3 })];

    expect(await memory.learn(second.bytes)).toMatchObject({ isNews: true });
    expect(await memory.learn(second.bytes)).toMatchObject({ isNews: false, newest: second });
    expect(await memory.learn(first.bytes)).toMatchObject({ isNews: false, newest: second });
    expect(await memory.learn(third.bytes)).toMatchObject({ isNews: true, newest: third });

    expect(memory.get(streamer.id)).toEqual(third);
  });

  test('[D3.1] is gone once it has expired, and older ones are news again', async () => {
    const { clock, memory, streamer, sign } = await world();
    await memory.learn((await sign({ sequence: 9 })).bytes);
    clock.advance(3_600_000 - 1);
    expect(memory.get(streamer.id)).not.toBeNull();
    clock.advance(1);

    expect(memory.get(streamer.id)).toBeNull();
    expect(await memory.learn((await sign({ sequence: 1 })).bytes)).toMatchObject({ isNews: true });
  });

  test('that is forged, expired or nonsense is not learnt', async () => {
    const { clock, memory, streamer, sign } = await world();
    const forged = await liveRecord({ id: streamer.id, key: (await signer()).key }, clock.now());
    const expired = await sign({ expiresAt: clock.now() });
    for (const bytes of [forged.bytes, expired.bytes, new Uint8Array([1, 2, 3]), new Uint8Array(5_000)]) {
      await expect(memory.learn(bytes)).rejects.toMatchObject({ name: 'MalformedError' });
    }

    expect(memory.get(streamer.id)).toBeNull();
  });
});

describe('[D5.2] the rules of the DHT', () => {
  test('take a record under its own key, and the same one again', async () => {
    const { memory, sign, key } = await world();
    const { bytes } = await sign();
    await memory.validate(key, bytes);

    await expect(memory.validate(key, bytes)).resolves.toBeUndefined();
    await expect(memory.validate(key, Buffer.from(bytes))).resolves.toBeUndefined();
  });

  test.each([
    ['an older one', { sequence: 4 }],
    ['another one of the same sequence', { sequence: 5, live: false }],
  ])('refuse %s', async (_, changes) => {
    const { memory, sign, key } = await world();
    await memory.validate(key, (await sign({ sequence: 5 })).bytes);

    await expect(memory.validate(key, (await sign(changes)).bytes)).rejects.toThrow('superseded');
  });

  test('refuse one under another key', async () => {
    const { memory, sign } = await world();
    const { bytes } = await sign();
    const other = new TextEncoder().encode(recordKey((await signer()).id));

    await expect(memory.validate(other, bytes)).rejects.toThrow('another key');
    await expect(memory.validate(new Uint8Array([0xff]), bytes)).rejects.toThrow('another key');
  });

  test('select the highest sequence, and never fail', async () => {
    const { sign, key } = await world();
    const all = await Promise.all([3, 9, 7].map((sequence) => sign({ sequence })));
    const values = [new Uint8Array([1]), ...all.map(({ bytes }) => bytes)];

    expect(recordSelectors.casto(key, values)).toBe(2);
    expect(recordSelectors.casto(key, [new Uint8Array(), new Uint8Array([1])])).toBe(0);
    expect(recordSelectors.casto(key, [])).toBe(0);
  });
});

describe('ten thousand records', { timeout: 60_000 }, () => {
  test('are the most; then the first to expire goes, unless it is needed', async () => {
    const { clock, memory, streamer, sign } = await world();
    const others = await Promise.all(Array.from({ length: MAX_RECORDS }, () => signer()));
    const needed = others[0];
    memory.isNeeded = (channel) => channel === needed?.id;
    const hour = clock.now() + 3_600_000;
    for (const [i, other] of others.entries()) {
      await memory.learn((await liveRecord(other, clock.now(), { expiresAt: hour + i })).bytes);
    }
    const known = (): number => others.filter(({ id }) => memory.get(id) !== null).length;
    expect(known()).toBe(MAX_RECORDS);

    // A newer record of a known channel takes no room.
    const [, second] = others;
    if (!second) throw new Error('no others');
    await memory.learn(
      (await liveRecord(second, clock.now(), { sequence: 2, expiresAt: hour + MAX_RECORDS })).bytes,
    );
    expect(known()).toBe(MAX_RECORDS);

    await memory.learn((await sign({ expiresAt: hour + 1 })).bytes);
    expect(memory.get(streamer.id)).not.toBeNull();
    expect(others.slice(0, 4).map(({ id }) => memory.get(id) !== null)).toEqual([true, true, false, true]);
    expect(known()).toBe(MAX_RECORDS - 1);
  });
});
