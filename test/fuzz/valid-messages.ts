/** Valid messages of every type, with values all over their ranges, written by the product's own codecs. */

import {
  CONTROL_MESSAGES,
  controlCodec,
  encodePath,
  encodeSignalPayload,
  encodeSignedSnapshot,
  encodeSnapshot,
  linkCodec,
  listingCodec,
  PROTOCOL_VERSION,
  rendezvousCodec,
  shortId,
  type ControlMessage,
  type LinkMessage,
  type LinkState,
  type ListingMessage,
  type Neighbour,
  type Offer,
  type OfferedCandidate,
  type ParentCandidate,
  type PeerId,
  type Random,
  type RendezvousMessage,
  type SignalPayload,
  type Standing,
  type SurveyedPeer,
} from '@casto/core';
import { relayRtpCapabilities } from '@casto/host';
import { peerIdNumbered } from '../../packages/core/test/base58.ts';
import { chance, pick, randomBytes } from './byte-mutations.ts';
import { validAnswer, validOffer } from './valid-descriptions.ts';

/** Peers and channels that messages name: few, so that they meet again. */
export const PEERS: readonly PeerId[] = Array.from({ length: 12 }, (_, i) => peerIdNumbered(i));

export const anyPeer = (random: Random): PeerId => pick(random, PEERS);
const anyFlag = (random: Random): boolean => chance(random, 0.5);
const list = <T>(random: Random, most: number, item: (random: Random) => T): T[] =>
  Array.from({ length: random.below(most + 1) }, () => item(random));
const maybe = <T>(random: Random, item: (random: Random) => T): T | null =>
  chance(random, 0.3) ? null : item(random);

function addresses(random: Random): string[] {
  return list(random, 4, () =>
    pick(random, [
      `/ip4/192.0.2.${random.below(256)}/tcp/${random.below(65_536)}/ws`,
      `/ip6/2001:db8::${random.below(9_999)}/udp/${random.below(65_536)}/webrtc-direct/certhash/uEiA`,
      '/dns4/relay.example/tcp/443/wss',
    ]),
  );
}

const candidate = (random: Random): ParentCandidate => ({
  peerId: anyPeer(random),
  addresses: addresses(random),
});
const path = (random: Random): Uint8Array => encodePath(list(random, 12, anyPeer).map(shortId));

function offer(random: Random): Offer {
  return {
    kind: pick(random, ['browser', 'headless']),
    depth: random.below(13),
    delayMs: random.below(60_001),
    freeSlots: random.below(0x1_0000),
    ageS: random.below(2 ** 32),
    layers: random.below(8),
  };
}

const standing = (random: Random): Standing => ({
  ...offer(random),
  path: path(random),
  epoch: random.below(2 ** 32),
  flowing: anyFlag(random),
});
const offered = (random: Random): OfferedCandidate => ({ ...candidate(random), offer: offer(random) });
const neighbour = (random: Random): Neighbour => ({
  ...candidate(random),
  standing: standing(random),
  rttMs: random.below(60_001),
});

function state(random: Random): LinkState {
  return {
    depth: maybe(random, () => random.below(13)),
    path: path(random),
    freeSlots: random.below(0x1_0000),
    subtreeSlots: random.below(2 ** 32),
    viewers: random.below(2 ** 32),
    epoch: random.below(2 ** 32),
    clockOffsetMs: maybe(random, () => (random.next() - 0.5) * 2e15),
    flowing: anyFlag(random),
    delayMs: maybe(random, () => random.below(60_001)),
    slots: random.below(0x1_0000),
    ageS: random.below(2 ** 32),
    layers: random.below(8),
    received: maybe(random, () => random.below(1_001)),
  };
}

/** A tree mostly, in which one of the peers that links lead to comes first. */
function surveyedPeers(random: Random): SurveyedPeer[] {
  const first = shortId(pick(random, PEERS));
  return Array.from({ length: random.below(pick(random, [1, 3, 12, 129])) }, (_, i) => ({
    id: i === 0 ? first : random.below(chance(random, 0.9) ? 2 ** 32 : 4),
    parent: i === 0 ? null : random.below(chance(random, 0.95) ? i : 140),
    kind: pick(random, ['browser', 'headless']),
    rttMs: maybe(random, () => random.below(60_001)),
    bitrateKbps: maybe(random, () => random.below(0x1_0000)),
    viewers: random.below(2 ** 32),
  }));
}

const instant = (random: Random): number => pick(random, [0, 1, random.next() * 1e15, 1_700_000_000_000]);
const layer = (random: Random): number => random.below(3);

export function forward(random: Random): Extract<ControlMessage, { type: 'forward' }> {
  return {
    type: 'forward',
    from: anyPeer(random),
    to: anyPeer(random),
    nonce: randomBytes(random, 16),
    expiresAt: instant(random),
    fingerprint: randomBytes(random, 32),
    payload: randomBytes(random, random.below(300)),
    signature: randomBytes(random, 64),
  };
}

const CONTROL: readonly ((random: Random) => ControlMessage)[] = [
  () => ({ type: 'keep-alive' }),
  (random) => ({ type: 'ping', sentAt: instant(random) }),
  (random) => ({ type: 'pong', sentAt: instant(random), receivedAt: instant(random) }),
  (random) => ({ type: 'state', ...state(random) }),
  (random) => ({ type: 'need-key-frame', layer: layer(random) }),
  (random) => ({ type: 'choose-layer', layer: layer(random) }),
  (random) => ({ type: 'drain', withinMs: random.below(600_001) }),
  (random) => ({ type: 'redirect', parents: list(random, 4, candidate) }),
  forward,
  (random) => ({
    type: 'bye',
    reason: pick(random, ['leaving', 'ended', 'moved', 'layer-gone', 'not-allowed']),
  }),
  (random) => ({ type: 'activate', layer: layer(random) }),
  () => ({ type: 'pause' }),
  (random) => ({ type: 'addresses', addresses: addresses(random) }),
  (random) => ({ type: 'recommend', peer: candidate(random), slots: random.below(0x1_0000), ageS: 7 }),
  (random) => ({ type: 'invite', peerId: anyPeer(random) }),
  (random) => ({ type: 'seek', layers: random.below(8) }),
  (random) => ({ type: 'neighbours', peers: list(random, 4, neighbour) }),
  (random) => ({
    type: 'post',
    from: anyPeer(random),
    sentAt: pick(random, [0, 1_700_000_000_000 + random.below(100_000), Number.MAX_SAFE_INTEGER]),
    data: randomBytes(random, random.below(300)),
    signature: randomBytes(random, 64),
  }),
  (random) => ({ type: 'survey', isWanted: chance(random, 0.8) }),
  (random) => ({ type: 'branch', peers: surveyedPeers(random), hidden: random.below(2 ** 32) }),
  (random) => ({
    type: 'picture',
    depth: random.below(13),
    peers: surveyedPeers(random),
    hidden: random.below(2 ** 32),
  }),
];

export function validControl(random: Random): Uint8Array {
  return controlCodec.encode(pick(random, CONTROL)(random));
}

/** One generator per type, or a type would never be fed. */
if (CONTROL.length !== Object.keys(CONTROL_MESSAGES).length) throw new Error('a control message is missing');

export function joinMessage(random: Random): Extract<LinkMessage, { type: 'join' }> {
  const { sdp, layers, audio } = validOffer(random);
  return {
    type: 'join',
    version: PROTOCOL_VERSION,
    channel: anyPeer(random),
    kind: pick(random, ['browser', 'headless']),
    layers,
    audio,
    capabilities: relayRtpCapabilities(),
    offer: sdp,
    path: path(random),
    standby: anyFlag(random),
    slots: random.below(0x1_0000),
    ageS: random.below(2 ** 32),
  };
}

const CANDIDATES = [
  '',
  'candidate:1 1 udp 2113937151 127.0.0.1 4000 typ host',
  'candidate:2 1 udp 1686052607 203.0.113.5 6000 typ srflx raddr 192.0.2.7 rport 41000',
  'candidate:3 1 tcp 1518280447 2001:db8::7 9 typ host tcptype active',
  'candidate:4 1 udp 2113937151 8a2b.local 5000 typ host',
];

const LINK: readonly ((random: Random) => LinkMessage)[] = [
  joinMessage,
  (random) => ({
    type: 'accept',
    version: PROTOCOL_VERSION,
    kind: 'headless',
    answer: validAnswer(random),
    record: randomBytes(random, 200),
    depth: random.below(13),
    path: path(random),
  }),
  (random) => ({ type: 'refuse', reason: pick(random, ['full', 'loop', 'busy']), retryAfterMs: 1_000 }),
  (random) => ({ type: 'redirect', parents: list(random, 4, candidate) }),
  (random) => ({ type: 'candidate', candidate: pick(random, CANDIDATES) }),
];

export function validLink(random: Random): Uint8Array {
  return linkCodec.encode(pick(random, LINK)(random));
}

export function validCandidate(random: Random): Uint8Array {
  return linkCodec.encode({ type: 'candidate', candidate: pick(random, CANDIDATES) });
}

export function validJoin(random: Random): Uint8Array {
  return linkCodec.encode(joinMessage(random));
}

const probed = (random: Random) => ({
  channel: anyPeer(random),
  peer: anyPeer(random),
  nonce: random.below(64),
});

const RENDEZVOUS: readonly ((random: Random) => RendezvousMessage)[] = [
  (random) => ({
    type: 'announce',
    record: randomBytes(random, random.below(400)),
    token: maybe(random, () => 'word'),
  }),
  (random) => ({ type: 'watch', channel: anyPeer(random) }),
  (random) => ({
    type: 'report',
    channel: anyPeer(random),
    addresses: addresses(random),
    offer: maybe(random, offer),
    record: maybe(random, () => randomBytes(random, 100)),
  }),
  (random) => ({ type: 'seek', channel: anyPeer(random), layers: random.below(8) }),
  (random) => ({ type: 'probe', ...probed(random) }),
  (random) => ({ type: 'probed', ...probed(random), standing: maybe(random, standing) }),
  // Those that a relay sends, to a relay.
  () => ({ type: 'announced', carries: true }),
  (random) => ({ type: 'refused', reason: pick(random, ['full', 'expired', 'malformed']) }),
  (random) => ({
    type: 'channel',
    channel: anyPeer(random),
    record: null,
    live: anyFlag(random),
    viewers: random.below(2 ** 32),
    parents: list(random, 4, candidate),
  }),
  (random) => ({ type: 'found', channel: anyPeer(random), candidates: list(random, 6, offered) }),
];

/** What a peer sends to a relay, mostly. */
export function validRendezvous(random: Random): Uint8Array {
  const count = chance(random, 0.9) ? 6 : RENDEZVOUS.length;
  return rendezvousCodec.encode(pick(random, RENDEZVOUS.slice(0, count))(random));
}

function signedSnapshot(random: Random): Uint8Array {
  const head = [0xff, 0xd8, 0xff, 0xc0, 0, 17, 8, 0, 180, 1, 64, 3];
  const image = Uint8Array.from([...head, ...randomBytes(random, random.below(200))]);
  const content = encodeSnapshot({
    channel: anyPeer(random),
    epoch: 1,
    takenAt: random.below(2 ** 31),
    image,
  });
  return encodeSignedSnapshot(content, randomBytes(random, 64));
}

const LISTING: readonly ((random: Random) => ListingMessage)[] = [
  (random) => ({
    type: 'browse',
    app: maybe(random, () => pick(random, ['', 'games', 'x'.repeat(64)])),
    own: anyFlag(random),
    most: 1 + random.below(500),
  }),
  (random) => ({ type: 'fetch', channel: anyPeer(random), own: anyFlag(random) }),
  (random) => ({ type: 'show', signed: signedSnapshot(random) }),
  // Those that a relay sends, to a relay.
  (random) => ({
    type: 'listed',
    channels: list(random, 12, () => ({
      channel: anyPeer(random),
      record: maybe(random, () => randomBytes(random, 100)),
      snapshotAt: maybe(random, () => random.below(2 ** 31)),
      viewers: random.below(2 ** 32),
    })),
    removed: list(random, 20, anyPeer),
  }),
  (random) => ({ type: 'snapshot', channel: anyPeer(random), signed: maybe(random, signedSnapshot) }),
];

/** What a page sends to a relay, mostly. */
export function validListing(random: Random): Uint8Array {
  const count = chance(random, 0.9) ? 3 : LISTING.length;
  return listingCodec.encode(pick(random, LISTING.slice(0, count))(random));
}

export function validSignal(random: Random): Uint8Array {
  const payload: SignalPayload = {
    handshake: randomBytes(random, 8),
    asks: anyFlag(random),
    messages: list(random, 8, validCandidate),
  };
  return encodeSignalPayload(payload);
}
