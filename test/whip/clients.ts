/** WHIP and WHEP clients in a page, made of nothing but an RTCPeerConnection and fetch. */

import type { BrowserPage } from '../harness/browsers.ts';
import type { SyntheticSourceOptions } from '../harness/page/synthetic-source.ts';

export interface ClientSession {
  readonly status: number;
  /** Absolute address of the session. */
  readonly location: string;
  readonly channel: string;
  readonly etag: string;
  /** Of a player's: where its choice of a layer is posted, `''` where nothing says so. */
  readonly layers: string;
}

/** One encoding of the picture that is published (W3C WebRTC, RTCRtpEncodingParameters). */
export interface PublishedEncoding {
  readonly rid: string;
  readonly scaleResolutionDownBy: number;
  readonly maxBitrate: number;
}

declare global {
  var whip: RTCPeerConnection;
  var whep: RTCPeerConnection;
}

/** Publishes numbered pictures and a tone. */
export async function publish(
  page: BrowserPage,
  url: string,
  {
    codec,
    token = null,
    encodings = [],
  }: { codec: 'vp8' | 'h264'; token?: string | null; encodings?: readonly PublishedEncoding[] },
  picture: SyntheticSourceOptions = {},
): Promise<ClientSession> {
  return page.evaluate(
    async (given) => {
      const source = await castoHarness.createSyntheticSource(given.picture);
      stage.source = source;
      const pc = new RTCPeerConnection();
      globalThis.whip = pc;
      for (const track of source.stream.getTracks()) {
        const { sender } = pc.addTransceiver(track, {
          direction: 'sendonly',
          streams: [source.stream],
          ...(track.kind === 'video' && given.encodings.length > 0
            ? { sendEncodings: [...given.encodings] }
            : {}),
        });
        const transceiver = pc.getTransceivers().find((other) => other.sender === sender);
        if (track.kind !== 'video' || transceiver === undefined) continue;
        const all = RTCRtpSender.getCapabilities('video')?.codecs ?? [];
        const wanted = all.filter(({ mimeType }) => mimeType.toLowerCase() === `video/${given.codec}`);
        transceiver.setCodecPreferences(wanted);
      }
      await pc.setLocalDescription();
      const response = await fetch(given.url, {
        method: 'POST',
        headers: {
          'Content-Type': 'application/sdp',
          ...(given.token === null ? {} : { Authorization: `Bearer ${given.token}` }),
        },
        body: pc.localDescription?.sdp ?? '',
      });
      const answer = await response.text();
      if (response.status === 201) await pc.setRemoteDescription({ type: 'answer', sdp: answer });
      return {
        status: response.status,
        location: new URL(response.headers.get('Location') ?? '', given.url).href,
        channel: response.headers.get('Casto-Channel') ?? '',
        etag: response.headers.get('ETag') ?? '',
        layers: '',
      };
    },
    { url, codec, token, picture, encodings },
  );
}

/** Plays into the page's video. */
export async function play(page: BrowserPage, url: string): Promise<ClientSession> {
  return page.evaluate(async (address) => {
    const pc = new RTCPeerConnection();
    globalThis.whep = pc;
    const stream = new MediaStream();
    pc.ontrack = ({ track }) => stream.addTrack(track);
    pc.addTransceiver('video', { direction: 'recvonly' });
    pc.addTransceiver('audio', { direction: 'recvonly' });
    await pc.setLocalDescription();
    const response = await fetch(address, {
      method: 'POST',
      headers: { 'Content-Type': 'application/sdp' },
      body: pc.localDescription?.sdp ?? '',
    });
    const answer = await response.text();
    if (response.status === 201) await pc.setRemoteDescription({ type: 'answer', sdp: answer });
    const video = document.querySelector('video');
    if (video) video.srcObject = stream;
    const link = response.headers.get('Link') ?? '';
    return {
      status: response.status,
      location: new URL(response.headers.get('Location') ?? '', address).href,
      channel: response.headers.get('Casto-Channel') ?? '',
      etag: response.headers.get('ETag') ?? '',
      layers: new URL(/<([^>]+)>; rel="urn:ietf:params:whep:ext:core:layer"/.exec(link)?.[1] ?? '', address)
        .href,
    };
  }, url);
}

/** Stops or begins to encode one encoding of what {@link publish} publishes, as a browser does when its uplink is slow. */
export async function setEncoding(page: BrowserPage, rid: string, state: 'on' | 'off'): Promise<void> {
  await page.evaluate(
    async (given) => {
      for (const sender of whip.getSenders()) {
        const parameters = sender.getParameters();
        for (const encoding of parameters.encodings) {
          if (encoding.rid === given.rid) encoding.active = given.state === 'on';
        }
        await sender.setParameters(parameters);
      }
    },
    { rid, state },
  );
}

/** Asks for a layer as a page of another origin does. @returns The status of the answer. */
export async function chooseLayer(page: BrowserPage, url: string, encodingId: string): Promise<number> {
  return page.evaluate(
    async (given) => {
      const headers = { 'Content-Type': 'application/json' };
      const body = JSON.stringify({ encodingId: given.encodingId });
      return (await fetch(given.url, { method: 'POST', headers, body })).status;
    },
    { url, encodingId },
  );
}

/** Width of the pictures that a page receives, as its statistics have it; 0 before the first. */
export async function receivedWidth(page: BrowserPage): Promise<number> {
  return page.evaluate(async () => {
    let width = 0;
    for (const pc of castoHarness.openConnections()) {
      (await pc.getStats()).forEach((entry: { type: string; kind?: string; frameWidth?: number }) => {
        if (entry.type === 'inbound-rtp') width = Math.max(width, entry.frameWidth ?? 0);
      });
    }
    return width;
  });
}
