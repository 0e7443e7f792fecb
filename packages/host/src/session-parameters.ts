/**
 * What two peers must agree on to open a link, in the terms of RFC 8829 but without its text.
 *
 * A description from another peer is parsed into these parameters, checked against what was asked for,
 * and rendered anew (session-description.ts); its own text never reaches a peer connection.
 */

export type MediaKind = 'audio' | 'video';

/** One codec with its payload type, in the ORTC form of mediasoup-client. */
export interface CodecParameters {
  /** Lower-case media type, e.g. `video/vp8`. */
  mimeType: string;
  /** The same number on every link (PAYLOAD_TYPES in codecs.ts). */
  payloadType: number;
  clockRate: number;
  channels?: number;
  /** The `fmtp` parameters, e.g. `{ 'packetization-mode': 1 }`. */
  parameters: Record<string, string | number>;
  rtcpFeedback: { type: string; parameter?: string }[];
}

/** One media section: a single audio track, or a single layer of the video. */
export interface MediaSection {
  mid: string;
  kind: MediaKind;
  /** As written by the side that sent the description: children offer `recvonly`, parents answer `sendonly`. */
  direction: 'sendonly' | 'recvonly' | 'inactive';
  codecs: CodecParameters[];
  headerExtensions: { uri: string; id: number }[];
  /** The sender's stream, present in a parent's answer. */
  source?: { ssrc: number; cname: string };
}

export interface SessionParameters {
  ice: { usernameFragment: string; password: string };
  dtls: {
    setup: 'actpass' | 'active' | 'passive';
    fingerprint: { algorithm: string; value: string };
  };
  /** Candidate attributes without the `a=`, e.g. `candidate:1 1 udp 2113937151 127.0.0.1 4000 typ host`. */
  candidates: string[];
  /** In the order of the child's offer. The section of the control channel follows them and is always there. */
  media: MediaSection[];
  /** The mid of the control channel's section. */
  controlMid: string;
}
