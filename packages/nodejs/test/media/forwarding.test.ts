import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parseSessionDescription, processClock } from '@casto/host';
import { afterEach, describe, expect, test } from 'vitest';
import { assertUdpPortFree, chooseUdpPort } from '../../src/free-ports.ts';
import { createHub } from '../../src/media/hub.ts';
import type { Hub, HubEvent } from '../../src/media/hub.ts';
import { createMediaLinks } from '../../src/media/media-links.ts';
import type { MediaLinksOptions, NodeMediaLinks } from '../../src/media/media-links.ts';
import { RTCP, readNack, readSenderReport } from '../../src/media/rtcp-packet.ts';
import { writeNack, writePictureLoss, writeSenderReport } from '../../src/media/rtcp-writer.ts';
import type { ChildLink } from '../../src/media/child-link.ts';
import type { ParentLink } from '../../src/media/parent-link.ts';
import { missingNumbers } from '../missing-numbers.ts';
import { LossyPath } from './lossy-path.ts';
import { RawStreamer, RawViewer } from './raw-peers.ts';
import type { SeenPacket } from './raw-peers.ts';
import { rtp } from './rtp-builder.ts';

const FRAME_MS = 16;

setFlagsFromString('--expose-gc');
const garbageCollector: unknown = runInNewContext('gc');

function collectGarbage(): void {
  if (typeof garbageCollector === 'function') Reflect.apply(garbageCollector, undefined, []);
}

/** A relay's media plane, with real connections to what a test puts around it. */
class Relay {
  readonly links: NodeMediaLinks;
  readonly hubs: Hub[] = [];
  readonly events: HubEvent[] = [];
  readonly #peers: { close: () => void }[] = [];
  readonly #tick = setInterval(() => {
    for (const hub of this.hubs) hub.tick(processClock.now());
  }, 20);

  constructor(options: Partial<MediaLinksOptions> = {}) {
    this.links = createMediaLinks({ host: '127.0.0.1', clock: processClock, ...options });
  }

  hub(): Hub {
    const hub = createHub({ now: () => processClock.now() });
    hub.onEvent = (event) => this.events.push(event);
    this.hubs.push(hub);
    return hub;
  }

  async pull(hub: Hub): Promise<{ streamer: RawStreamer; link: ChildLink }> {
    const streamer = new RawStreamer();
    this.#peers.push(streamer);
    const link = this.links.pull({ hub, layers: [0], audio: true, video: 'vp8', fromRelay: false });
    link.media.play(true);
    link.onCandidate = (candidate) => streamer.addCandidate(candidate);
    await link.accept(await streamer.answer(await link.offer()));
    await streamer.opened;
    return { streamer, link };
  }

  async serve(hub: Hub): Promise<{ viewer: RawViewer; link: ParentLink }> {
    const viewer = new RawViewer();
    this.#peers.push(viewer);
    const offer = parseSessionDescription('offer', viewer.offer());
    const media = offer.media.map((section) => ({ ...section, codecs: section.codecs.slice(0, 1) }));
    const link = this.links.serve({ hub, offer: { ...offer, media }, layers: [0] });
    viewer.accept(await link.answer(), (candidate) => link.addCandidate(candidate));
    await viewer.opened;
    await until(() => link.state === 'connected', 'the link');
    return { viewer, link };
  }

  /** As {@link serve}, with a path in between that can lose packets. */
  async serveThroughLoss(hub: Hub): Promise<{ viewer: RawViewer; link: ParentLink; path: LossyPath }> {
    const viewer = new RawViewer();
    const offer = parseSessionDescription('offer', viewer.offer());
    const link = this.links.serve({ hub, offer, layers: [0] });
    const answer = await link.answer();
    const [candidate = ''] = parseSessionDescription('answer', answer).candidates;
    const port = candidate.split(' ')[5] ?? '';
    const path = await LossyPath.to(Number(port));
    this.#peers.push(viewer, path);
    viewer.accept(answer.replaceAll(` ${port} typ host`, ` ${path.port} typ host`), () => {});
    await viewer.opened;
    await until(() => link.state === 'connected', 'the link');
    return { viewer, link, path };
  }

  close(): void {
    clearInterval(this.#tick);
    this.links.close();
    for (const peer of this.#peers) peer.close();
  }
}

const relays: Relay[] = [];
afterEach(() => {
  for (const relay of relays.splice(0)) relay.close();
});

function createRelay(options: Partial<MediaLinksOptions> = {}): Relay {
  const relay = new Relay(options);
  relays.push(relay);
  return relay;
}

/** Streams in real time, a key frame first. */
async function stream(
  streamer: RawStreamer,
  frames: number,
  options: { lose?: (frame: number) => readonly number[]; keyEvery?: number } = {},
): Promise<void> {
  for (let frame = 0; frame < frames; frame += 1) {
    const lose = options.lose?.(frame) ?? [];
    streamer.frame({ key: frame % (options.keyEvery ?? Infinity) === 0, lose });
    streamer.sound();
    await sleep(FRAME_MS);
  }
}

/** Asks the relay again and again for what a viewer lacks, as browsers do. */
function askForGaps(viewer: RawViewer): () => void {
  const timer = setInterval(() => {
    const missing = missingNumbers(viewer.video.map(({ sequence }) => sequence));
    if (missing.length > 0) viewer.send(writeNack(1, viewer.videoSsrc, missing));
  }, 20);
  return () => clearInterval(timer);
}

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let waited = 0; waited < 5000; waited += 20) {
    if (condition()) return;
    await sleep(20);
  }
  throw new Error(`waited in vain: ${what}`);
}

/** Packets in the order of their numbers, each once. */
function inOrder(packets: readonly SeenPacket[]): SeenPacket[] {
  const first = packets[0]?.sequence ?? 0;
  const place = (packet: SeenPacket): number => (packet.sequence - first) & 0xffff;
  return packets
    .toSorted((a, b) => place(a) - place(b))
    .filter((packet, index, all) => packet.sequence !== all[index - 1]?.sequence);
}

function expectContinuous(packets: readonly SeenPacket[]): void {
  expect(packets[0]?.isKeyStart).toBe(true);
  for (const [index, packet] of packets.slice(1).entries()) {
    const before = packets[index];
    expect((packet.sequence - (before?.sequence ?? 0)) & 0xffff).toBe(1);
    const elapsed = (packet.timestamp - (before?.timestamp ?? 0)) | 0;
    expect(elapsed).toBeGreaterThanOrEqual(0);
    expect((packet.pictureId - (before?.pictureId ?? 0)) & 0x7fff).toBe(elapsed === 0 ? 0 : 1);
  }
}

describe('[M1.1] forwarding over real connections', () => {
  test('three viewers and a late one get every packet, the late one from the last key frame', async () => {
    const relay = createRelay();
    const hub = relay.hub();
    const { streamer, link } = await relay.pull(hub);
    const early = await Promise.all([relay.serve(hub), relay.serve(hub), relay.serve(hub)]);
    await stream(streamer, 40);
    const late = await relay.serve(hub);
    await stream(streamer, 20, { keyEvery: 1000 });
    await until(() => early.every(({ viewer }) => viewer.video.length >= 300), 'the last packets');
    for (const { viewer } of early) {
      expect(viewer.video).toHaveLength(300);
      expect(viewer.audio).toHaveLength(60);
      expectContinuous(viewer.video);
    }
    expectContinuous(late.viewer.video);
    expect(late.viewer.video.length).toBeGreaterThanOrEqual(300);
    expect(new Set(early.map(({ viewer }) => viewer.videoSsrc)).size).toBe(3);
    expect(link.stats().sources.map(({ lost }) => lost)).toEqual([0, 0]);
    expect(relay.links.counts).toEqual({});
  });

  test('what is lost on the way to a viewer is repeated from the ring', async () => {
    const relay = createRelay();
    const hub = relay.hub();
    const { streamer } = await relay.pull(hub);
    const lossy = await relay.serveThroughLoss(hub);
    const other = await relay.serve(hub);
    let passed = 0;
    lossy.path.loses = (bytes) => bytes.length > 150 && ++passed % 10 === 0;
    const stopAsking = askForGaps(lossy.viewer);
    await stream(streamer, 60);
    // A gap shows only when something follows it.
    lossy.path.loses = () => false;
    streamer.frame({ packets: 1 });
    await until(() => inOrder(lossy.viewer.video).length === 301, 'repeats');
    stopAsking();
    expect(lossy.path.lost).toBeGreaterThan(25);
    const [, video] = lossy.link.stats().sinks;
    expect(video?.resent).toBeGreaterThanOrEqual(lossy.path.lost - 1);
    const repaired = inOrder(lossy.viewer.video).slice(0, 300);
    expectContinuous(repaired);
    // Payload for payload what the other viewer got.
    expect(repaired.map(({ bytes }) => bytes.subarray(30).toString('hex'))).toEqual(
      other.viewer.video.slice(0, 300).map(({ bytes }) => bytes.subarray(30).toString('hex')),
    );
    expect(streamer.nacks).toBe(0);
  });

  test('what links have carried is counted, and stays counted when they are closed', async () => {
    const relay = createRelay();
    const hub = relay.hub();
    const { streamer, link } = await relay.pull(hub);
    const viewers = await Promise.all([relay.serve(hub), relay.serve(hub)]);
    await stream(streamer, 20);
    await until(() => viewers.every(({ viewer }) => viewer.video.length === 100), 'all packets');
    const [first] = viewers;
    first?.viewer.send(writeNack(1, first.viewer.videoSsrc, [first.viewer.video.at(-1)?.sequence ?? 0]));
    first?.viewer.send(writePictureLoss(1, first.viewer.videoSsrc));
    await until(() => relay.links.traffic().outgoing.keyFrameRequests === 1, 'what the viewer asked for');
    expect(relay.links.parents).toEqual({ connecting: 0, connected: 1, made: 1 });
    expect(relay.links.children).toEqual({ connecting: 0, connected: 2, made: 2 });
    const before = relay.links.traffic();
    expect(before.incoming).toMatchObject({ packets: 120, keyFrames: 1, nacks: 0 });
    expect(before.outgoing).toMatchObject({ packets: 240, nacks: 1, resent: 1 });
    expect(before.outgoing.bytes).toBe(2 * before.incoming.bytes);

    first?.link.close();
    link.close();
    expect(relay.links.traffic()).toEqual(before);
    expect(relay.links.parents).toEqual({ connecting: 0, connected: 0, made: 1 });
    expect(relay.links.children).toEqual({ connecting: 0, connected: 1, made: 2 });
    link.close();
    expect(relay.links.traffic()).toEqual(before);
  });

  test('a parent that sends far more than it was told to for seconds is cut off', async () => {
    const relay = createRelay({ maxBitrateBps: 50_000 });
    const { streamer, link } = await relay.pull(relay.hub());
    for (let frame = 0; frame < 1_000 && link.state !== 'closed'; frame += 1) {
      streamer.frame({ key: frame === 0 });
      await sleep(FRAME_MS);
    }
    expect(link.state).toBe('closed');
    expect(relay.links.counts).toEqual({ bitrate: 1 });
  }, 30_000);

  test('what is lost on the way to the relay is asked for once for all viewers', async () => {
    const relay = createRelay();
    const hub = relay.hub();
    const { streamer } = await relay.pull(hub);
    const viewers = await Promise.all([relay.serve(hub), relay.serve(hub)]);
    const answered = new Set<Buffer>();
    const answering = setInterval(() => {
      for (const packet of streamer.rtcp) {
        if (answered.has(packet) || packet[1] !== RTCP.transportFeedback) continue;
        answered.add(packet);
        const sequences: number[] = [];
        readNack(packet, 0, packet.length, sequences, 100);
        for (const sequence of sequences) streamer.send(streamer.sent.get(sequence) ?? Buffer.alloc(0));
      }
    }, 5);
    await stream(streamer, 60, { lose: (frame) => (frame % 5 === 2 ? [1, 3] : []) });
    await until(() => viewers.every(({ viewer }) => inOrder(viewer.video).length === 300), 'repair');
    clearInterval(answering);
    for (const { viewer } of viewers) expectContinuous(inOrder(viewer.video));
    expect(streamer.nacks).toBeGreaterThanOrEqual(12);
    expect(streamer.nacks).toBeLessThan(60);
    expect(streamer.pictureLosses).toBeLessThanOrEqual(1);
  });

  test('requests for key frames of all viewers become few', async () => {
    const relay = createRelay();
    const hub = relay.hub();
    const { streamer } = await relay.pull(hub);
    const viewers = await Promise.all([relay.serve(hub), relay.serve(hub), relay.serve(hub)]);
    await stream(streamer, 10);
    const before = streamer.pictureLosses;
    for (let round = 0; round < 20; round += 1) {
      for (const { viewer } of viewers) viewer.send(writePictureLoss(1, viewer.videoSsrc));
      streamer.frame();
      await sleep(FRAME_MS);
    }
    await sleep(250);
    const asked = streamer.pictureLosses - before;
    expect(viewers.map(({ link }) => link.stats().sinks[1]?.pictureLosses)).toEqual([20, 20, 20]);
    // 320 ms of requests: one at once, one per 200 ms, and the trailing edge.
    expect(asked).toBeGreaterThanOrEqual(2);
    expect(asked).toBeLessThanOrEqual(4);
  });

  test('a streamer that comes back under other numbers is no jump to its viewers', async () => {
    const relay = createRelay();
    const hub = relay.hub();
    const first = await relay.pull(hub);
    const { viewer } = await relay.serve(hub);
    await stream(first.streamer, 20);
    first.link.close();
    await sleep(50);
    const second = await relay.pull(hub);
    await stream(second.streamer, 20);
    await until(
      () => viewer.video.length >= 200 && viewer.audio.length >= 40,
      'packets of the second streamer',
    );
    expect(viewer.video).toHaveLength(200);
    expectContinuous(viewer.video);
    expect(viewer.audio).toHaveLength(40);
  });

  test('a second parent takes over at its key frame while the first still sends', async () => {
    const relay = createRelay();
    const hub = relay.hub();
    const first = await relay.pull(hub);
    const { viewer } = await relay.serve(hub);
    await stream(first.streamer, 10);
    const second = await relay.pull(hub);
    await until(() => second.streamer.pictureLosses > 0, 'a request to the second parent');
    const before = viewer.video.length;
    first.streamer.frame();
    second.streamer.frame();
    await sleep(50);
    expect(viewer.video).toHaveLength(before + 5);
    await stream(second.streamer, 10);
    first.streamer.frame();
    await sleep(50);
    expect(viewer.video).toHaveLength(before + 5 + 50);
    expectContinuous(viewer.video);
    expect(
      relay.events
        .filter(({ type }) => type === 'replaced')
        .map(({ key }) => key.kind)
        .toSorted(),
    ).toEqual(['audio', 'video']);
  });

  test('capture times pass through with the names that keep lips in sync', async () => {
    const relay = createRelay();
    const hub = relay.hub();
    const { streamer } = await relay.pull(hub);
    const { viewer } = await relay.serve(hub);
    const started = { video: streamer.timestamp, audio: streamer.audioSequence * 960 };
    await stream(streamer, 5);
    const info = { ntpSeconds: 3_900_000_000, ntpFraction: 5, packets: 1, octets: 1 };
    streamer.send(writeSenderReport(streamer.ssrcOfSection(1), { ...info, timestamp: started.video }, 'raw'));
    streamer.send(writeSenderReport(streamer.audioSsrc, { ...info, timestamp: started.audio }, 'raw'));
    await until(() => viewer.rtcp.length >= 2, 'sender reports');
    const reports = viewer.rtcp.map((packet) => readSenderReport(packet, 0, 28, 0));
    expect(reports.map((report) => [report?.ssrc, report?.ntpSeconds, report?.timestamp])).toEqual([
      [viewer.videoSsrc, 3_900_000_000, viewer.video[0]?.timestamp],
      [viewer.audioSsrc, 3_900_000_000, viewer.audio[0]?.timestamp],
    ]);
    const names = viewer.rtcp.map((packet) => packet.subarray(38).toString('latin1'));
    expect(names[0]).toBe(names[1]);
  });

  test('five channels side by side, on one shared port', async () => {
    const relay = createRelay({ mediaPort: await chooseUdpPort('127.0.0.1') });
    const channels = await Promise.all(
      Array.from({ length: 5 }, async () => {
        const hub = relay.hub();
        const { streamer, link } = await relay.pull(hub);
        const viewers = await Promise.all([relay.serve(hub), relay.serve(hub)]);
        return { streamer, link, viewers };
      }),
    );
    await Promise.all(channels.map(({ streamer }) => stream(streamer, 40)));
    await until(
      () => channels.every(({ viewers }) => viewers.every(({ viewer }) => viewer.video.length === 200)),
      'all',
    );
    for (const { viewers } of channels) for (const { viewer } of viewers) expectContinuous(viewer.video);
    expect(relay.links.open).toBe(15);
  });
});

describe('bad input over real connections', () => {
  test('garbage on the links of one channel costs another one no packet', async () => {
    const relay = createRelay({ mediaPort: await chooseUdpPort('127.0.0.1') });
    const good = relay.hub();
    const bad = relay.hub();
    const { streamer } = await relay.pull(good);
    const viewers = await Promise.all([relay.serve(good), relay.serve(good)]);
    const badStreamer = await relay.pull(bad);
    const badViewer = await relay.serve(bad);
    let round = 0;
    const noise = setInterval(() => {
      round += 1;
      for (const packet of garbage(badStreamer.streamer.ssrcOfSection(1), round))
        badStreamer.streamer.send(packet);
      for (const packet of garbage(badViewer.viewer.videoSsrc, round)) badViewer.viewer.send(packet);
    }, 50);
    await stream(streamer, 60, { keyEvery: 30 });
    clearInterval(noise);
    await until(() => viewers.every(({ viewer }) => viewer.video.length === 300), 'all packets');
    for (const { viewer } of viewers) expectContinuous(viewer.video);
    expect(relay.links.counts['rtcp-malformed']).toBeGreaterThan(0);
    expect(relay.links.counts['rtp-unknown-stream']).toBeGreaterThan(0);
    const drops = badStreamer.link.stats().sources[1]?.drops;
    expect(drops?.['payload-type']).toBeGreaterThan(0);
    expect(drops?.payload).toBeGreaterThan(0);
    expect(drops?.jump).toBeGreaterThan(0);
    expect(badViewer.link.state).toBe('connected');
  });

  test('a flood closes the link that it comes from', async () => {
    const relay = createRelay();
    const hub = relay.hub();
    const { streamer } = await relay.pull(hub);
    const flooder = await relay.serve(hub);
    const { viewer } = await relay.serve(hub);
    const closed = new Promise<void>((resolve) => {
      flooder.link.onStateChange = (state) => {
        if (state === 'closed') resolve();
      };
    });
    for (let count = 0; count < 2000; count += 1)
      flooder.viewer.send(writePictureLoss(1, flooder.viewer.videoSsrc));
    await closed;
    await stream(streamer, 20);
    await until(() => viewer.video.length === 100, 'all packets');
    expect(relay.links.counts['media-flood']).toBe(1);
  });

  test('a flood of control messages does so too', async () => {
    const relay = createRelay();
    const { viewer, link } = await relay.serve(relay.hub());
    for (let count = 0; count < 400; count += 1) viewer.control.sendMessageBinary(Buffer.from([count]));
    await until(() => link.state === 'closed', 'the end of the link');
    expect(relay.links.counts['control-flood']).toBe(1);
    expect(link.control.isOpen).toBe(false);
    expect(link.control.send(new Uint8Array(1))).toBe(false);
  });
});

describe('links', () => {
  test('control messages pass both ways', async () => {
    const relay = createRelay();
    const { viewer, link } = await relay.serve(relay.hub());
    const received: Uint8Array[] = [];
    link.control.onMessage = (bytes) => received.push(bytes);
    await until(() => link.control.isOpen, 'the control channel');
    expect(link.control.send(Uint8Array.of(1, 2, 3))).toBe(true);
    viewer.control.sendMessageBinary(Buffer.from([4, 5]));
    viewer.control.sendMessage('text is not for us');
    viewer.control.sendMessageBinary(Buffer.from([6]));
    await until(() => received.length === 2 && viewer.messages.length === 1, 'messages');
    expect([...(viewer.messages[0] ?? [])]).toEqual([1, 2, 3]);
    expect(received).toEqual([Uint8Array.of(4, 5), Uint8Array.of(6)]);
    expect(relay.links.counts).toEqual({ 'control-text': 1 });
    expect(link.roundTripMs).toBeGreaterThanOrEqual(0);
  });

  test('a wrong fingerprint ends the link before any media', async () => {
    const relay = createRelay();
    const hub = relay.hub();
    const streamer = new RawStreamer();
    const link = relay.links.pull({ hub, layers: [0], audio: true, video: 'vp8', fromRelay: false });
    link.media.play(true);
    link.onCandidate = (candidate) => streamer.addCandidate(candidate);
    const answer = await streamer.answer(await link.offer(), (honest) => {
      const { fingerprint } = honest.dtls;
      const value = fingerprint.value.replace(/^../, (byte) => (byte === '00' ? '01' : '00'));
      return { ...honest, dtls: { ...honest.dtls, fingerprint: { ...fingerprint, value } } };
    });
    await link.accept(answer);
    await until(() => link.state === 'closed', 'the refusal');
    expect(relay.links.counts['link-failed']).toBe(1);
    expect(hub.streams()).toEqual([]);
    streamer.close();
  });

  test('an answer to another offer is refused', async () => {
    const relay = createRelay();
    const hub = relay.hub();
    const link = relay.links.pull({ hub, layers: [0, 1], audio: false, video: 'h264', fromRelay: true });
    link.media.play(true);
    const offer = await link.offer();
    expect(parseSessionDescription('offer', offer).media.map(({ mid }) => mid)).toEqual([
      'video-0',
      'video-1',
    ]);
    const streamer = new RawStreamer();
    await expect(
      link.accept(await streamer.answer(offer, (honest) => ({ ...honest, media: honest.media.slice(1) }))),
    ).rejects.toMatchObject({ reason: 'answer-mismatch' });
    await expect(link.accept('v=0')).rejects.toThrow('refused');
    link.close();
    link.close();
    streamer.close();
    expect(relay.links.open).toBe(0);
    await expect(link.offer()).rejects.toMatchObject({ reason: 'closed' });
  });

  test('closed links are collected, whichever side has closed them', async () => {
    const relay = createRelay();
    const hub = relay.hub();
    let alive = 0;
    const collected = new FinalizationRegistry(() => (alive -= 1));
    const open = async (index: number): Promise<void> => {
      const { link, viewer } = await relay.serve(hub);
      const { link: child, streamer } = await relay.pull(hub);
      for (const end of [link, child]) {
        alive += 1;
        collected.register(end, undefined);
      }
      if (index % 2 === 0) for (const end of [link, child]) end.close();
      else for (const peer of [viewer, streamer]) peer.close();
    };
    for (let index = 0; index < 6; index += 1) await open(index);
    await until(() => relay.links.open === 0, 'all ends');
    await until(() => {
      collectGarbage();
      // The last ones may still be on the stack.
      return alive <= 2;
    }, 'the garbage collector');
    expect(alive).toBeLessThanOrEqual(2);
  });

  test('the shared port is kept while there are no links, and let go of in the end', async () => {
    const mediaPort = await chooseUdpPort('127.0.0.1');
    const relay = createRelay({ mediaPort });
    const { link } = await relay.serve(relay.hub());
    link.close();
    await sleep(100);
    await expect(assertUdpPortFree('127.0.0.1', mediaPort, '--media-port')).rejects.toThrow('in use');
    relay.close();
    await sleep(100);
    await expect(assertUdpPortFree('127.0.0.1', mediaPort, '--media-port')).resolves.toBeUndefined();
  });

  test('half-open links are limited, and given up in time', async () => {
    const timers = new Set<() => void>();
    const clock = {
      now: () => processClock.now(),
      setTimer: (callback: () => void) => {
        timers.add(callback);
        return () => void timers.delete(callback);
      },
    };
    const relay = createRelay({ mediaPort: await chooseUdpPort('127.0.0.1'), maxConnecting: 20, clock });
    const hub = relay.hub();
    const viewer = new RawViewer();
    const offer = parseSessionDescription('offer', viewer.offer());
    const links = Array.from({ length: 20 }, () => relay.links.serve({ hub, offer, layers: [0] }));
    await Promise.all(links.map((link) => link.answer()));
    expect(() => relay.links.serve({ hub, offer, layers: [0] })).toThrow('not connected yet');
    expect(relay.links.connecting).toBe(20);
    for (const fire of timers) fire();
    expect(relay.links.open).toBe(0);
    expect(relay.links.counts).toEqual({ 'too-many-connecting': 1, 'link-not-connected': 20 });
    viewer.close();
  });

  test('bad candidates are dropped and counted, names are not looked up', async () => {
    const relay = createRelay();
    const { link } = await relay.serve(relay.hub());
    link.addCandidate('nonsense');
    link.addCandidate('candidate:1 1 udp 1 example.org 5 typ host');
    link.addCandidate('candidate:1 1 udp 1 d4f0a1e2-0000-4000-8000-000000000000.local 5 typ host');
    link.addCandidate('');
    for (let port = 1; port < 100; port += 1)
      link.addCandidate(`candidate:1 1 udp 1 127.0.0.1 ${port} typ host`);
    expect(relay.links.counts['candidate']).toBeGreaterThan(60);
    expect(link.state).toBe('connected');
  });

  test('announced addresses replace the own ones', async () => {
    const mediaPort = await chooseUdpPort('127.0.0.1');
    const relay = createRelay({
      mediaPort,
      announce: ['203.0.113.7', 'relay.example.org', '2001:db8::7'],
    });
    const viewer = new RawViewer();
    const offer = parseSessionDescription('offer', viewer.offer());
    const link = relay.links.serve({ hub: relay.hub(), offer, layers: [0] });
    const { candidates } = parseSessionDescription('answer', await link.answer());
    expect(candidates.map((candidate) => candidate.split(' ').slice(4, 6).join(' '))).toEqual([
      `203.0.113.7 ${mediaPort}`,
    ]);
    viewer.close();
  });

  test('a link that was closed tells its owner once, and its streams are gone', async () => {
    const relay = createRelay();
    const hub = relay.hub();
    const { link, streamer } = await relay.pull(hub);
    const { link: served, viewer } = await relay.serve(hub);
    const states: string[] = [];
    for (const end of [link, served]) end.onStateChange = (state) => states.push(state);
    streamer.close();
    viewer.close();
    await until(() => states.length === 2, 'both ends');
    expect(states).toEqual(['closed', 'closed']);
    expect(hub.streams()).toEqual([]);
    expect(relay.links.open).toBe(0);
    served.close();
    expect(states).toHaveLength(2);
  });
});

/** Packets that no honest peer sends, among them those that hang a library that trusts them. */
function garbage(ssrc: number, round: number): Buffer[] {
  const named = (packet: Buffer): Buffer => {
    if (packet.length >= 12) packet.writeUInt32BE(ssrc, 8);
    return packet;
  };
  return [
    Buffer.from([0x9f, 202, 0, 2, 0, 0, 0, 1, 1, 255, 1, 1]),
    Buffer.from([0x81, 202, 0, 2, 0, 0, 0, 1, 1, 255, 1, 1]),
    Buffer.from([0x80, 200, 0xff, 0xff, 0, 0, 0, 1, 0, 0, 0, 0]),
    Buffer.from([0x80, 201, 0, 0, 0, 0, 0, 1]),
    named(Buffer.from([0x81, 205, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff])),
    named(Buffer.from([0x8f, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0])),
    named(Buffer.from([0x84, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0])),
    rtp({ ssrc: (ssrc + 77) >>> 0, payloadType: 96 }),
    rtp({ ssrc, sequence: round * 4, payloadType: 5 }),
    rtp({ ssrc, sequence: round * 4 + 1, payload: Buffer.alloc(0) }),
    rtp({ ssrc, sequence: round * 4 + 2, payload: Buffer.from([0xff, 0xff]) }),
    rtp({ ssrc, sequence: round * 4 + 20_000, timestamp: 0xffffffff }),
    named(rtp({ payload: Buffer.alloc(1) }).fill(0x9f, 0, 1)),
    named(rtp({ payload: Buffer.alloc(1200, 0xff) }).fill(0xb0, 0, 1)),
  ];
}
