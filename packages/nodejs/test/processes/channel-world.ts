/** A channel in the main process of a relay, and children of it on links of their own. */

import { parseSessionDescription, processClock } from '@casto/host';
import type { ChannelStreams } from '../../src/channel-streams.ts';
import type { MediaLinks } from '../../src/media-links.ts';
import type { ChildLink } from '../../src/media/child-link.ts';
import { createHub, type Hub } from '../../src/media/hub.ts';
import { createMediaLinks } from '../../src/media/media-links.ts';
import type { SenderReport } from '../../src/media/rtcp-packet.ts';
import { writeSenderReport } from '../../src/media/rtcp-writer.ts';
import { createRtpSource, type RtpSource } from '../../src/media/rtp-source.ts';
import { rtp, vp8 } from '../media/rtp-builder.ts';

export const HOST = '127.0.0.1';
const UNTIL_MS = 20_000;
const POLL_MS = 10;
const FRAME_MS = 20;
const CLOCK_RATE = 90_000;
/** Two seconds, as streamers do. */
const FRAMES_PER_KEY_FRAME = 100;
const now = (): number => processClock.now();

export async function until(isDone: () => boolean, what: string): Promise<void> {
  for (let waitedMs = 0; waitedMs < UNTIL_MS; waitedMs += POLL_MS) {
    if (isDone()) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`waited in vain for ${what}`);
}

/** Video of some layers that begins when it is told. */
export class Broadcast {
  readonly hub: Hub = createHub({ now });
  readonly streams: ChannelStreams;
  /** What the relay asked the streamer for: receiver reports, key frames and lost packets. */
  readonly asked: Buffer[] = [];
  readonly #sources: readonly RtpSource[];
  readonly #ticks: ReturnType<typeof setInterval>;
  #frames: ReturnType<typeof setInterval> | undefined;
  #frame = 0;

  constructor(layers = 1) {
    this.streams = {
      layers: Array.from({ length: layers }, (_, layer) => layer),
      audio: false,
      video: 'vp8',
    };
    this.#sources = this.streams.layers.map((layer) => this.#source(layer));
    for (const source of this.#sources) this.hub.setSource(source);
    this.#ticks = setInterval(() => this.hub.tick(now()), FRAME_MS);
  }

  begin(): void {
    this.#frames = setInterval(() => this.#sendFrame(), FRAME_MS);
  }

  pause(): void {
    clearInterval(this.#frames);
  }

  /** The streamer tells when a frame was captured. @param ntpSeconds - Since 1900. */
  report(frame: number, ntpSeconds: number): void {
    const info = { ntpSeconds, ntpFraction: 0, timestamp: timestampOf(frame), packets: 1, octets: 1 };
    for (const [layer, source] of this.#sources.entries()) {
      const bytes = writeSenderReport(layer + 1, info, 'streamer');
      source.takeRtcp(bytes, 0, 28);
    }
  }

  close(): void {
    this.pause();
    clearInterval(this.#ticks);
    this.hub.close();
  }

  #sendFrame(): void {
    const frame = this.#frame++;
    const timestamp = timestampOf(frame);
    for (const [layer, source] of this.#sources.entries()) {
      const payload = vp8({
        key: frame % FRAMES_PER_KEY_FRAME === 0,
        start: true,
        pictureId: frame & 0x7fff,
        tl0: frame & 0xff,
        body: bodyOf(layer, frame),
      });
      source.takeRtp(
        rtp({ payloadType: 96, ssrc: layer + 1, sequence: frame & 0xffff, timestamp, marker: true, payload }),
      );
    }
  }

  #source(layer: number): RtpSource {
    return createRtpSource({
      key: { kind: 'video', layer },
      codec: 'vp8',
      clockRate: CLOCK_RATE,
      payloadType: 96,
      ssrc: layer + 1,
      localSsrc: 2_000,
      cname: 'streamer',
      feedback: { nack: false, pictureLoss: true, fullIntraRequest: false, remb: null },
      now,
      roundTripMs: () => null,
      send: (bytes) => {
        this.asked.push(Buffer.from(bytes));
        return true;
      },
    });
  }
}

/** An RTP timestamp of the streamer. */
export function timestampOf(frame: number): number {
  return (1_000 + (frame * CLOCK_RATE * FRAME_MS) / 1_000) >>> 0;
}

const FRAME_MARK = Buffer.from('a frame of the test:');

/** Layer and number of a frame at the end of its payload, where no relay touches them: as the trailer of a real one. */
function bodyOf(layer: number, frame: number): Buffer {
  const number = Buffer.alloc(5);
  number.writeUInt8(layer);
  number.writeUInt32BE(frame, 1);
  return Buffer.concat([FRAME_MARK, number]);
}

export interface Unit {
  /** That was asked for where it came. */
  readonly layer: number;
  /** As the streamer encoded it. */
  readonly encodedLayer: number;
  /** As the streamer numbered it. */
  readonly frame: number;
  readonly timestamp: number;
  readonly startsKeyFrame: boolean;
}

/** A child as a page is one: takes what comes, without a hub behind. */
export class Child {
  readonly end: ChildLink;
  readonly units: Unit[] = [];
  readonly reports: SenderReport[] = [];
  /** Of the control channel. */
  readonly messages: Uint8Array[] = [];
  readonly sources: RtpSource[] = [];
  readonly #links = createMediaLinks({ host: HOST, clock: processClock });
  readonly #ticks = setInterval(() => {
    for (const source of this.sources) source.tick(now(), true);
  }, FRAME_MS);

  constructor(layers: readonly number[] = [0]) {
    const hub = this.#taking();
    this.end = this.#links.pull({ hub, layers, audio: false, video: 'vp8', fromRelay: true });
    this.end.media.play(true);
    this.end.control.onMessage = (bytes) => void this.messages.push(bytes);
  }

  /** @returns The other end. */
  async join(links: Pick<MediaLinks, 'serve'>, { hub, streams }: Broadcast, layers: readonly number[] = [0]) {
    const offer = parseSessionDescription('offer', await this.end.offer());
    const media = offer.media.map((section) => ({ ...section, codecs: section.codecs.slice(0, 1) }));
    const parent = links.serve({ hub, streams, offer: { ...offer, media }, layers });
    await this.end.accept(await parent.answer());
    return parent;
  }

  close(): void {
    clearInterval(this.#ticks);
    this.#links.close();
  }

  #taking(): Hub {
    return {
      ...createHub({ now }),
      setSource: (source) => {
        this.sources.push(source);
        source.onSenderReport = (report) => void this.reports.push(report);
        source.onUnit = ({ bytes, startsKeyFrame }) => {
          const frame = bytes.readUInt32BE(bytes.length - 4);
          const { layer } = source.key;
          const encodedLayer = bytes[bytes.length - 5] ?? 0;
          this.units.push({ layer, encodedLayer, frame, timestamp: bytes.readUInt32BE(4), startsKeyFrame });
        };
      },
      removeSource: () => {},
    };
  }
}
