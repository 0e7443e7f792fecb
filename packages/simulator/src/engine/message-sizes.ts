/**
 * How many bytes messages take on the wire. What is sent millions of times is added up from its fields, which a test
 * holds against the core's own codecs; the rest goes through them.
 */

import {
  controlCodec,
  linkCodec,
  type ChannelId,
  type ControlMessage,
  type LinkState,
  type Offer,
  type OfferedCandidate,
  type ParentCandidate,
  type Standing,
  type TreeJoin,
} from '@casto/core';

/** SCTP data chunk 28, DTLS with AES-GCM 37, UDP 8, IPv4 20. Streams of libp2p over WebRTC have the same. */
export const PACKET_OVERHEAD_BYTES = 93;
/** What fits into one packet beside that: WebRTC sends 1200 bytes of SCTP at most. */
const PACKET_BYTES = 1_150;

/** With the headers of as many packets as it takes. */
export function wireBytes(payload: number): number {
  return payload + PACKET_OVERHEAD_BYTES * Math.max(1, Math.ceil(payload / PACKET_BYTES));
}

/** A CBOR head holds small numbers itself, and larger ones in 1, 2, 4 or 8 bytes behind it. */
function headBytes(value: number): number {
  if (value < 24) return 1;
  if (value < 0x100) return 2;
  if (value < 0x10000) return 3;
  return value < 0x100000000 ? 5 : 9;
}

/** What is not whole was measured, and has no shorter form than eight bytes. */
function numberBytes(value: number | null): number {
  if (value === null) return 1;
  if (!Number.isInteger(value)) return 9;
  return headBytes(value < 0 ? -1 - value : value);
}

function textBytes(text: string): number {
  return headBytes(text.length) + text.length;
}

function byteStringBytes(length: number): number {
  return headBytes(length) + length;
}

/** Head of a short list, the message's number, and one byte for each flag. */
const LIST = 1;
const CODE = 1;
const FLAG = 1;

export function stateBytes(state: LinkState): number {
  return (
    LIST +
    CODE +
    numberBytes(state.depth) +
    byteStringBytes(state.path.length) +
    headBytes(state.freeSlots) +
    headBytes(state.subtreeSlots) +
    headBytes(state.viewers) +
    headBytes(state.epoch) +
    numberBytes(state.clockOffsetMs) +
    FLAG +
    numberBytes(state.delayMs) +
    headBytes(state.slots) +
    headBytes(state.ageS) +
    headBytes(state.layers) +
    numberBytes(state.received)
  );
}

function addressesBytes(addresses: readonly string[]): number {
  let bytes = LIST;
  for (const address of addresses) bytes += textBytes(address);
  return bytes;
}

function candidateBytes({ peerId, addresses }: ParentCandidate): number {
  return LIST + textBytes(peerId) + addressesBytes(addresses);
}

function offerFieldBytes(offer: Offer): number {
  const { kind, depth, delayMs, freeSlots, ageS, layers } = offer;
  return (
    textBytes(kind) +
    headBytes(depth) +
    headBytes(delayMs) +
    headBytes(freeSlots) +
    headBytes(ageS) +
    headBytes(layers)
  );
}

function offerBytes(offer: Offer | null): number {
  return offer === null ? 1 : LIST + offerFieldBytes(offer);
}

function standingBytes(standing: Standing | null): number {
  if (standing === null) return 1;
  const { path, epoch } = standing;
  return LIST + offerFieldBytes(standing) + byteStringBytes(path.length) + headBytes(epoch) + FLAG;
}

/** A signed record, with a title of a few words. */
export const RECORD_LENGTH = 350;
/** All PeerIds have one length, and so the channel's name. */
const PEER_ID = 54;
/** Nonces are drawn from 32 bits: nearly all take five bytes. */
const NONCE = 5;

export function foundBytes(candidates: readonly OfferedCandidate[]): number {
  let bytes = LIST + CODE + PEER_ID + LIST;
  for (const candidate of candidates) bytes += candidateBytes(candidate) + offerBytes(candidate.offer);
  return bytes;
}

export function seekBytes(layers: number): number {
  return LIST + CODE + PEER_ID + headBytes(layers);
}

/** With an offer goes the channel's record (PROTOCOL.md, D7.3). */
export function reportBytes(addresses: readonly string[], offer: Offer | null): number {
  const recordBytes = offer === null ? 1 : byteStringBytes(RECORD_LENGTH);
  return LIST + CODE + PEER_ID + addressesBytes(addresses) + offerBytes(offer) + recordBytes;
}

export const PROBE_BYTES = LIST + CODE + 2 * PEER_ID + NONCE;

export function probedBytes(standing: Standing | null): number {
  return PROBE_BYTES + standingBytes(standing);
}

export function redirectBytes(parents: readonly ParentCandidate[]): number {
  let bytes = LIST + CODE + LIST;
  for (const parent of parents) bytes += candidateBytes(parent);
  return bytes;
}

export function controlBytes(message: ControlMessage): number {
  switch (message.type) {
    case 'state':
      return stateBytes(message);
    case 'redirect':
      return redirectBytes(message.parents);
    case 'addresses':
      return LIST + CODE + addressesBytes(message.addresses);
    case 'activate':
      return LIST + CODE + headBytes(message.layer);
    case 'pause':
    case 'keep-alive':
      return LIST + CODE;
    default:
      return controlCodec.encode(message).length;
  }
}

/** The rest is measured once, on messages as pages send them. */
export interface TypicalSizes {
  join(join: TreeJoin): number;
  /** Candidates that one end of a link sends while it is set up, as payload and on the wire. */
  readonly candidates: { readonly payload: number; readonly wire: number };
  accept(depth: number): number;
  readonly refuse: number;
  readonly ping: number;
  readonly pong: number;
  readonly keepAlive: number;
  readonly bye: number;
}

/** A description with audio, one video section and the data channel, without candidates; its answer is a reply. */
const OFFER_LENGTH = 2_000;
const ANSWER_LENGTH = 1_200;
/** Host, server-reflexive and one or two more. */
const CANDIDATES = 4;
const CANDIDATE_LENGTH = 110;
/** A clock of today, with parts of a millisecond. */
const INSTANT = 1_790_000_000_000.25;

export function typicalSizes(channel: ChannelId): TypicalSizes {
  const candidate = linkCodec.encode({ type: 'candidate', candidate: 'c'.repeat(CANDIDATE_LENGTH) }).length;
  const emptyJoin = { kind: 'browser', path: new Uint8Array(), standby: false, slots: 0, ageS: 0 } as const;
  const joinBase = linkCodec.encode({ type: 'join', ...joinRest(channel), ...emptyJoin }).length;
  const acceptBase = linkCodec.encode({
    type: 'accept',
    version: 1,
    kind: 'browser',
    answer: 'a'.repeat(ANSWER_LENGTH),
    record: new Uint8Array(RECORD_LENGTH),
    depth: 0,
    path: new Uint8Array(),
  }).length;
  return {
    join: ({ kind, path, slots, ageS }) =>
      joinBase +
      (textBytes(kind) - textBytes('browser')) +
      (byteStringBytes(path.length) - 1) +
      (headBytes(slots) - 1) +
      (headBytes(ageS) - 1),
    candidates: { payload: CANDIDATES * candidate, wire: CANDIDATES * wireBytes(candidate) },
    accept: (depth) => acceptBase + byteStringBytes(4 * (depth + 1)) - 1,
    refuse: linkCodec.encode({ type: 'refuse', reason: 'full', retryAfterMs: 1_000 }).length,
    ping: controlCodec.encode({ type: 'ping', sentAt: INSTANT }).length,
    pong: controlCodec.encode({ type: 'pong', sentAt: INSTANT, receivedAt: INSTANT + 20 }).length,
    keepAlive: controlCodec.encode({ type: 'keep-alive' }).length,
    bye: controlCodec.encode({ type: 'bye', reason: 'leaving' }).length,
  };
}

/** What a join says beyond what the tree wants to know. */
export function joinRest(channel: ChannelId) {
  const codec = (mimeType: string, clockRate: number, payloadType: number): object => ({
    kind: mimeType.startsWith('audio') ? 'audio' : 'video',
    mimeType,
    clockRate,
    preferredPayloadType: payloadType,
    parameters: {},
    rtcpFeedback: [{ type: 'nack' }, { type: 'nack', parameter: 'pli' }, { type: 'goog-remb' }],
  });
  return {
    version: 1,
    channel,
    layers: [0],
    audio: true,
    capabilities: {
      codecs: [
        codec('audio/opus', 48_000, 100),
        codec('video/VP8', 90_000, 101),
        codec('video/H264', 90_000, 103),
      ],
      headerExtensions: [{ kind: 'video', uri: 'urn:ietf:params:rtp-hdrext:sdes:mid', preferredId: 1 }],
    },
    offer: 'o'.repeat(OFFER_LENGTH),
  };
}
