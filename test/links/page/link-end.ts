/**
 * One end of a link in a page: the functions under test, and no more around them than a peer connection needs.
 * Tests reach it as `linkEnd`. Descriptions leave without candidates; these follow one by one.
 */

import {
  assertAnswers,
  CandidateIntake,
  needsSecondRound,
  parseSessionDescription,
  renderSessionDescription,
  rewriteAnswer,
  rewriteOffer,
  type SessionParameters,
} from '@casto/host';

type WantedMedia = Parameters<typeof rewriteOffer>[1];

export interface LinkReport {
  state: RTCPeerConnectionState;
  srtpCipher: string | null;
  /** By media type in lower case, from the connection's own statistics. */
  payloadTypes: Record<string, number>;
  /** Per video section that is received. */
  framesDecoded: number[];
  /** The streams in which tracks arrived, each with the number of its tracks. */
  streams: Record<string, number>;
}

class LinkEnd {
  readonly #pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
  readonly #control: RTCDataChannel;
  readonly #intake = new CandidateIntake();
  readonly #streams = new Set<MediaStream>();
  readonly #found: string[] = [];
  #wanted: WantedMedia = { video: null, audio: false };
  #nativeOffer = '';

  constructor(addMedia: (pc: RTCPeerConnection) => void) {
    this.#pc.addEventListener('icecandidate', ({ candidate }) => {
      if (candidate !== null && candidate.candidate !== '') this.#found.push(candidate.candidate);
    });
    this.#pc.addEventListener('track', ({ streams: [stream] }) => {
      if (stream !== undefined) this.#streams.add(stream);
      const video = document.querySelector('video');
      if (video !== null && stream !== undefined) video.srcObject = stream;
    });
    addMedia(this.#pc);
    this.#control = this.#pc.createDataChannel('control', { negotiated: true, id: 0 });
    this.#control.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
      if (typeof data === 'string' && data.startsWith('?')) this.#control.send(`!${data.slice(1)}`);
    });
  }

  async offer(wanted: WantedMedia): Promise<string> {
    this.#wanted = wanted;
    this.#nativeOffer = (await this.#pc.createOffer()).sdp ?? '';
    const sdp = renderSessionDescription('offer', rewriteOffer(this.#nativeOffer, wanted));
    await this.#pc.setLocalDescription({ type: 'offer', sdp });
    return sdp;
  }

  async accept(sdp: string): Promise<void> {
    const offer = rewriteOffer(this.#nativeOffer, this.#wanted);
    const answer = parseSessionDescription('answer', sdp);
    assertAnswers(offer, answer);
    await this.#applyAnswer(answer);
    if (!needsSecondRound(this.#nativeOffer, offer)) return;
    await this.offer(this.#wanted);
    await this.#applyAnswer(answer);
  }

  async answer(sdp: string, source: MediaStream): Promise<string> {
    const offer = parseSessionDescription('offer', sdp);
    const rendered = renderSessionDescription('offer', offer);
    await this.#pc.setRemoteDescription({ type: 'offer', sdp: rendered });
    for (const transceiver of this.#pc.getTransceivers()) {
      const [track] = source.getTracks().filter(({ kind }) => kind === transceiver.receiver.track.kind);
      transceiver.direction = 'sendonly';
      await transceiver.sender.replaceTrack(track ?? null);
    }
    const native = await this.#pc.createAnswer();
    const answer = renderSessionDescription('answer', rewriteAnswer(native.sdp ?? '', offer));
    await this.#pc.setLocalDescription({ type: 'answer', sdp: answer });
    return answer;
  }

  /** All candidates of this end. Call it after the local description is set. */
  async candidates(): Promise<string[]> {
    await until(() => this.#pc.iceGatheringState === 'complete');
    return this.#found;
  }

  async addCandidates(candidates: readonly string[]): Promise<void> {
    for (const text of candidates) {
      const candidate = this.#intake.take(text);
      if (candidate !== null) await this.#pc.addIceCandidate({ candidate, sdpMLineIndex: 0 });
    }
    if (this.#intake.refused > 0) throw new Error(`real candidates refused: ${candidates.join(' | ')}`);
  }

  /** Sends a text over the control channel and resolves to what came back. */
  async echo(text: string): Promise<string> {
    await until(() => this.#control.readyState === 'open');
    return new Promise((resolve) => {
      this.#control.addEventListener('message', ({ data }: MessageEvent<unknown>) => resolve(String(data)));
      this.#control.send(`?${text}`);
    });
  }

  async report(): Promise<LinkReport> {
    const reports: Record<string, unknown>[] = [];
    (await this.#pc.getStats()).forEach((report: Record<string, unknown>) => reports.push(report));
    const of = (type: string) => reports.filter((report) => report['type'] === type);
    const cipher = of('transport')[0]?.['srtpCipher'];
    return {
      state: this.#pc.connectionState,
      srtpCipher: typeof cipher === 'string' ? cipher : null,
      payloadTypes: Object.fromEntries(
        of('codec').map((codec) => [String(codec['mimeType']).toLowerCase(), Number(codec['payloadType'])]),
      ),
      framesDecoded: of('inbound-rtp')
        .filter(({ kind }) => kind === 'video')
        .map(({ framesDecoded }) => Number(framesDecoded ?? 0)),
      streams: Object.fromEntries([...this.#streams].map((stream) => [stream.id, stream.getTracks().length])),
    };
  }

  async #applyAnswer(answer: SessionParameters): Promise<void> {
    await this.#pc.setRemoteDescription({ type: 'answer', sdp: renderSessionDescription('answer', answer) });
  }
}

const UNTIL_MS = 10_000;

async function until(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + UNTIL_MS;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`not within ${UNTIL_MS} ms: ${holds.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

declare global {
  /** Only inside functions given to `BrowserPage.evaluate`. */
  var linkEnd: LinkEnd;
  var openChild: (wanted: { layers: number; audio: boolean }) => void;
  var openParent: () => void;
}

globalThis.openChild = ({ layers, audio }) => {
  globalThis.linkEnd = new LinkEnd((pc) => {
    if (audio) pc.addTransceiver('audio', { direction: 'recvonly' });
    for (let layer = 0; layer < layers; layer += 1) pc.addTransceiver('video', { direction: 'recvonly' });
  });
};
globalThis.openParent = () => {
  globalThis.linkEnd = new LinkEnd(() => {});
};
