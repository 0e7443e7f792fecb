/** Publishes synthetic RTP to one relay, over a link of the product. */

import { parseSessionDescription, processClock } from '@casto/host';
import { createHub } from '../src/media/hub.ts';
import { createMediaLinks } from '../src/media/media-links.ts';
import { RTCP } from '../src/media/rtcp-packet.ts';
import { createRtpSource } from '../src/media/rtp-source.ts';
import { FRAMES_PER_SECOND, syntheticPacket } from './synthetic-packets.ts';
import { answerCalls } from './worker-calls.ts';

const PACE_MS = 2;
const SSRC = 1;
/** Two seconds, as streamers do; in between whenever a viewer asks. */
const KEY_FRAME_EVERY = 60;

let isKeyFrameWanted = false;
const now = (): number => processClock.now();
const links = createMediaLinks({ host: '127.0.0.1', clock: processClock });
const hub = createHub({ now });
const source = createRtpSource({
  key: { kind: 'video', layer: 0 },
  codec: 'vp8',
  clockRate: 90_000,
  payloadType: 96,
  ssrc: SSRC,
  localSsrc: 2,
  cname: 'bench',
  feedback: { nack: false, pictureLoss: true, fullIntraRequest: false, remb: null },
  now,
  roundTripMs: () => null,
  send: (rtcp) => {
    isKeyFrameWanted ||= rtcp[1] === RTCP.payloadFeedback;
    return true;
  },
});
hub.setSource(source);

/** Sends at a constant rate, making up for late timers. */
function publish(packetsPerSecond: number, packetBytes: number): void {
  const packetsPerFrame = Math.round(packetsPerSecond / FRAMES_PER_SECOND);
  const startedAt = now();
  let sent = 0;
  let keyFrame = 0;
  const pace = (): void => {
    const due = Math.floor(((now() - startedAt) * packetsPerSecond) / 1000);
    for (; sent < due; sent += 1) {
      const frame = Math.floor(sent / packetsPerFrame);
      if (sent % packetsPerFrame === 0 && (isKeyFrameWanted || frame >= keyFrame + KEY_FRAME_EVERY)) {
        keyFrame = frame;
        isKeyFrameWanted = false;
      }
      const isKey = frame === keyFrame;
      source.takeRtp(syntheticPacket(sent, { packetBytes, packetsPerFrame, ssrc: SSRC, isKey }));
    }
    setTimeout(pace, PACE_MS);
  };
  pace();
}

answerCalls({
  answer: (text) => {
    const offer = parseSessionDescription('offer', text);
    return links.serve({ hub, offer, layers: [0] }).answer();
  },
  publish: (text) => {
    const [packetsPerSecond = 0, packetBytes = 0] = text.split(' ').map(Number);
    publish(packetsPerSecond, packetBytes);
    return '';
  },
});
