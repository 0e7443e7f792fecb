/** Whatever strangers send, the broadcasts of others go on without a lost frame, and the relay counts why it refused. */

import { connect, type Socket } from 'node:net';
import { generateKeyPair } from '@libp2p/crypto/keys';
import type { Connection, Libp2p, PrivateKey, Stream } from '@libp2p/interface';
import { webSockets } from '@libp2p/websockets';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  encodePath,
  isPeerId,
  LINK_PROTOCOL,
  linkCodec,
  PROTOCOL_VERSION,
  RECORD_LIFETIME_MS,
  RENDEZVOUS_PROTOCOL,
  type ChannelRecord,
  type LinkMessage,
  type PeerId,
} from '@casto/core';
import {
  AnnounceError,
  messageChannel,
  relayRtpCapabilities,
  RendezvousClient,
  sharedLibp2pOptions,
  signRecord,
} from '@casto/host';
import { launchBrowser, type BrowserPage, type RunningBrowser } from '../harness/browsers.ts';
import { expectPicturesAdvance } from '../harness/expectations.ts';
import type { PageServer } from '../harness/page-server.ts';
import { startRelay, type RelayProcess } from '../harness/relay-process.ts';
import { goLive, openPage, startStage, stats, VIDEO, watch } from './stage.ts';

let relay: RelayProcess;
let server: PageServer;
let browser: RunningBrowser;
let viewer: BrowserPage;
let channel: PeerId;
const peers: Libp2p[] = [];

beforeAll(async () => {
  relay = await startRelay({ flags: ['--no-mdns'] });
  server = await startStage(relay);
  browser = await launchBrowser('chromium');
  const relays = [relay.http];
  const broadcast = await goLive(await openPage(browser, server.origin), { relays });
  if (!isPeerId(broadcast.channel)) throw new Error('the channel is no PeerId');
  channel = broadcast.channel;
  viewer = await openPage(browser, server.origin);
  await watch(viewer, { relays, channel });
  await expectPicturesAdvance(viewer, VIDEO, { atLeast: 20, withinMs: 20_000 });
});

afterAll(async () => {
  for (const peer of peers) await peer.stop();
  await browser?.close();
  await server?.close();
  await relay?.stop();
});

interface Stranger {
  connection: Connection;
  privateKey: PrivateKey;
  id: PeerId;
}

async function stranger(): Promise<Stranger> {
  const privateKey = await generateKeyPair('Ed25519');
  const peer = await createLibp2p({ ...sharedLibp2pOptions(privateKey), transports: [webSockets()] });
  peers.push(peer);
  const address = relay.multiaddrs.find((candidate) => candidate.includes('/ws'));
  const connection = await peer.dial(multiaddr(address ?? ''));
  const id = peer.peerId.toString();
  if (!isPeerId(id)) throw new Error('not an Ed25519 peer');
  return { connection, privateKey, id };
}

function record(owner: PeerId, changes: Partial<ChannelRecord> = {}): ChannelRecord {
  const now = Date.now();
  return {
    channel: owner,
    epoch: Math.floor(now / 1000),
    sequence: now,
    expiresAt: now + RECORD_LIFETIME_MS,
    title: 'stranger',
    app: '',
    video: 'vp8',
    layers: 1,
    audio: true,
    live: true,
    listed: true,
    ...changes,
  };
}

/** What the relay has refused so far, by reason. */
async function refused(): Promise<Record<string, number>> {
  const health = (await (await fetch(`${relay.http}/health`)).json()) as { refused: Record<string, number> };
  return health.refused;
}

/** Runs an attack and asserts that the viewer lost nothing through it. */
async function unharmed(attack: () => Promise<void>): Promise<void> {
  const before = (await stats(viewer)).video;
  await attack();
  await expectPicturesAdvance(viewer, VIDEO, { atLeast: 20, withinMs: 15_000 });
  const after = (await stats(viewer)).video;
  expect(after?.packetsLost).toBe(before?.packetsLost);
  expect(await viewer.evaluate(() => stage.events.filter(({ type }) => type === 'error').length)).toBe(0);
}

/** Waits until the other end has ended the stream. */
async function ended(stream: Stream): Promise<void> {
  await expect.poll(() => stream.status, { timeout: 10_000 }).not.toBe('open');
}

const GARBAGE: Record<string, Uint8Array> = {
  'bytes that are no length': new Uint8Array(64).fill(0xff),
  'a length of one gigabyte': new Uint8Array([0x80, 0x80, 0x80, 0x80, 0x04, 1, 2, 3]),
  'a message that is no CBOR': new Uint8Array([4, 0xff, 0xff, 0xff, 0xff]),
  'nested lists without end': new Uint8Array([200, 1, ...new Array<number>(200).fill(0x81)]),
};

for (const protocol of [RENDEZVOUS_PROTOCOL, LINK_PROTOCOL]) {
  describe(protocol, () => {
    test.each(Object.keys(GARBAGE))('%s ends the stream', async (name) => {
      await unharmed(async () => {
        const { connection } = await stranger();
        const stream = await connection.newStream(protocol);
        stream.send(GARBAGE[name] ?? new Uint8Array());
        await ended(stream);
      });
    });
  });
}

test('half a message holds nothing up', async () => {
  await unharmed(async () => {
    const { connection } = await stranger();
    for (const protocol of [RENDEZVOUS_PROTOCOL, LINK_PROTOCOL]) {
      const stream = await connection.newStream(protocol);
      stream.send(new Uint8Array([100, 0x82, 1]));
    }
  });
});

describe('records', () => {
  async function announcing(changes: (self: Stranger) => Partial<ChannelRecord>): Promise<string> {
    const self = await stranger();
    const client = await RendezvousClient.open(self.connection, AbortSignal.timeout(5_000));
    const signed = await signRecord(self.privateKey, record(self.id, changes(self)));
    return client.announce(signed.bytes, null).then(
      () => 'announced',
      (error: unknown) => (error instanceof AnnounceError ? error.reason : String(error)),
    );
  }

  test('a record for the channel of somebody else is refused', async () => {
    await unharmed(async () => {
      expect(await announcing(() => ({ channel }))).toBe('bad-record');
    });
    expect((await refused())['announce:bad-record']).toBeGreaterThan(0);
  });

  test('an expired record, and one that never expires, are refused', async () => {
    expect(await announcing(() => ({ expiresAt: Date.now() - 1 }))).toBe('expired');
    expect(await announcing(() => ({ expiresAt: Date.now() * 2 }))).toBe('bad-record');
  });

  test('an older record does not come back', async () => {
    const self = await stranger();
    const client = await RendezvousClient.open(self.connection, AbortSignal.timeout(5_000));
    const older = await signRecord(self.privateKey, record(self.id, { live: false }));
    const newer = await signRecord(
      self.privateKey,
      record(self.id, { sequence: Date.now() + 10, live: false }),
    );
    await client.announce(newer.bytes, null);
    await expect(client.announce(older.bytes, null)).rejects.toMatchObject({ reason: 'superseded' });
  });

  test('a true record announced by another peer is refused', async () => {
    const owner = await stranger();
    const thief = await stranger();
    const signed = await signRecord(owner.privateKey, record(owner.id));
    const client = await RendezvousClient.open(thief.connection, AbortSignal.timeout(5_000));
    await expect(client.announce(signed.bytes, null)).rejects.toMatchObject({ reason: 'not-owner' });
  });

  test('a flood of announcements ends the stream', async () => {
    await unharmed(async () => {
      const self = await stranger();
      const client = await RendezvousClient.open(self.connection, AbortSignal.timeout(5_000));
      const signed = await signRecord(self.privateKey, record(self.id, { live: false }));
      const flood = Array.from({ length: 500 }, () =>
        client.announce(signed.bytes, null).catch(() => 'refused'),
      );
      expect(await Promise.all(flood)).toContain('refused');
    });
  });
});

describe('offers', () => {
  const FINGERPRINT = Array.from({ length: 32 }, () => 'AB').join(':');

  function offer(options: { sections?: number; candidates?: number; fingerprint?: string } = {}): string {
    const sections = Array.from({ length: options.sections ?? 1 }, (_, i) => [
      'm=video 9 UDP/TLS/RTP/SAVPF 96',
      'c=IN IP4 0.0.0.0',
      `a=mid:${i}`,
      'a=recvonly',
      'a=rtcp-mux',
      'a=rtpmap:96 VP8/90000',
      ...Array.from(
        { length: options.candidates ?? 0 },
        (__, n) => `a=candidate:${n} 1 udp 2113937151 127.0.0.1 ${1024 + (n % 60_000)} typ host`,
      ),
    ]);
    return [
      'v=0',
      'o=- 1 1 IN IP4 127.0.0.1',
      's=-',
      't=0 0',
      'a=ice-ufrag:abcd',
      'a=ice-pwd:abcdefghijklmnopqrstuvwx',
      `a=fingerprint:sha-256 ${options.fingerprint ?? FINGERPRINT}`,
      'a=setup:actpass',
      ...sections.flat(),
      'm=application 9 UDP/DTLS/SCTP webrtc-datachannel',
      'c=IN IP4 0.0.0.0',
      'a=mid:c',
      'a=sctp-port:5000',
      '',
    ].join('\r\n');
  }

  async function join(
    sdp: string,
    changes: Partial<Extract<LinkMessage, { type: 'join' }>> = {},
  ): Promise<LinkMessage> {
    const { connection } = await stranger();
    const joining = messageChannel(await connection.newStream(LINK_PROTOCOL), linkCodec);
    await joining.write({
      type: 'join',
      version: PROTOCOL_VERSION,
      channel,
      kind: 'browser',
      layers: [0],
      audio: false,
      capabilities: relayRtpCapabilities(),
      offer: sdp,
      path: encodePath([]),
      standby: false,
      slots: 0,
      ageS: 0,
      ...changes,
    });
    return joining.read(AbortSignal.timeout(10_000));
  }

  test('many sections, thousands of candidates and a cut fingerprint are refused', async () => {
    await unharmed(async () => {
      for (const sdp of [
        offer({ sections: 40 }),
        offer({ candidates: 200 }),
        offer({ fingerprint: 'AB:CD' }),
        'v=0',
      ]) {
        expect(await join(sdp)).toMatchObject({ type: 'refuse', reason: 'malformed' });
      }
    });
  });

  test('capabilities of any shape are refused, not believed', async () => {
    for (const capabilities of [null, 7, [], { codecs: 'all' }, { codecs: new Array<number>(900).fill(1) }]) {
      expect(await join(offer(), { capabilities })).toMatchObject({ type: 'refuse' });
    }
  });

  test('a certificate that is never shown gets a link that never opens, and is let go', async () => {
    await unharmed(async () => {
      const reply = await join(offer());
      expect(['accept', 'refuse']).toContain(reply.type);
    });
    await expect
      .poll(async () => (await (await fetch(`${relay.http}/health`)).json()) as { viewers: number }, {
        timeout: 30_000,
      })
      .toMatchObject({ viewers: 1 });
  }, 60_000);

  test('another version is told so', async () => {
    expect(await join(offer(), { version: 200 })).toMatchObject({ type: 'refuse', reason: 'version' });
  });
});

test('a thousand connections that say nothing change nothing', async () => {
  const { port } = new URL(relay.http);
  const tcp = relay.multiaddrs.map((address) => /\/tcp\/(\d+)\/p2p\//.exec(address)?.[1]).find(Boolean);
  const sockets: Socket[] = [];
  await unharmed(async () => {
    for (const target of [Number(port), Number(tcp)]) {
      for (let i = 0; i < 500; i++) {
        const socket = connect(target, '127.0.0.1');
        socket.on('error', () => {});
        sockets.push(socket);
      }
    }
    await expect
      .poll(() => sockets.filter(({ connecting }) => connecting).length, { timeout: 20_000 })
      .toBe(0);
    expect((await fetch(`${relay.http}/health`)).status).toBe(200);
  });
  for (const socket of sockets) socket.destroy();
}, 90_000);
