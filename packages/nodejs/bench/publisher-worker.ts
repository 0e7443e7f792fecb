/** Publishes synthetic RTP to one relay, over a link of the product. */

import { parseSessionDescription, processClock } from '@casto/host';
import { createHub } from '../src/media/hub.ts';
import { createMediaLinks } from '../src/media/media-links.ts';
import { RTCP } from '../src/media/rtcp-packet.ts';
import { createRtpSource, type RtpSource } from '../src/media/rtp-source.ts';
import { FRAMES_PER_SECOND, syntheticPacket } from './synthetic-packets.ts';
import { answerCalls } from './worker-calls.ts';

const PACE_MS = 2;
/** Of the highest layer; those of the others follow. */
const SSRC = 1;
const LOCAL_SSRC = 100;
/** Two seconds, as streamers do; in between whenever a viewer asks. */
const KEY_FRAME_EVERY = 60;

const now = (): number => processClock.now();
const links = createMediaLinks({ host: '127.0.0.1', clock: processClock });
const hub = createHub({ now });

class Publisher {
  readonly #ssrc: number;
  readonly #source: RtpSource;
  #isKeyFrameWanted = false;

  constructor(layer: number) {
    this.#ssrc = SSRC + layer;
    this.#source = createRtpSource({
      key: { kind: 'video', layer },
      codec: 'vp8',
      clockRate: 90_000,
      payloadType: 96,
      ssrc: this.#ssrc,
      localSsrc: LOCAL_SSRC,
      cname: 'bench',
      feedback: { nack: false, pictureLoss: true, fullIntraRequest: false, remb: null },
      now,
      roundTripMs: () => null,
      send: (rtcp) => {
        this.#isKeyFrameWanted ||= rtcp[1] === RTCP.payloadFeedback;
        return true;
      },
    });
    hub.setSource(this.#source);
  }

  /** Sends at a constant rate, making up for late timers. */
  publish(packetsPerSecond: number, packetBytes: number): void {
    const packetsPerFrame = Math.round(packetsPerSecond / FRAMES_PER_SECOND);
    const startedAt = now();
    let sent = 0;
    let keyFrame = 0;
    const pace = (): void => {
      const due = Math.floor(((now() - startedAt) * packetsPerSecond) / 1000);
      for (; sent < due; sent += 1) {
        const frame = Math.floor(sent / packetsPerFrame);
        const isDue = this.#isKeyFrameWanted || frame >= keyFrame + KEY_FRAME_EVERY;
        if (sent % packetsPerFrame === 0 && isDue) {
          keyFrame = frame;
          this.#isKeyFrameWanted = false;
        }
        const shape = { packetBytes, packetsPerFrame, ssrc: this.#ssrc, isKey: frame === keyFrame };
        this.#source.takeRtp(syntheticPacket(sent, shape));
      }
      setTimeout(pace, PACE_MS);
    };
    pace();
  }
}

answerCalls({
  answer: (text) => {
    const offer = parseSessionDescription('offer', text);
    const layers = offer.media.filter(({ kind }) => kind === 'video').map((_, layer) => layer);
    return links.serve({ hub, offer, layers }).answer();
  },
  publish: (text) => {
    const [packetsPerSecond = 0, packetBytes = 0, layers = 1] = text.split(' ').map(Number);
    for (let layer = 0; layer < layers; layer++) {
      new Publisher(layer).publish(packetsPerSecond / 2 ** layer, packetBytes);
    }
    return '';
  },
});
