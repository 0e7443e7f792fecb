/**
 * Requests of WHIP and WHEP clients as text: a line with method and path, lines of headers, an empty line, the body. What
 * only the session knows stands in braces: addresses, ids and ETags of sessions that were opened before.
 */

import type { Random } from '@casto/core';
import { chromiumOffer } from '../../../packages/host/test/fixtures/chromium.ts';
import { firefoxOffer } from '../../../packages/host/test/fixtures/firefox.ts';
import { libdatachannelOffer } from '../../../packages/host/test/fixtures/libdatachannel.ts';
import type { SessionRequest } from '../../../packages/nodejs/src/whip/session-endpoint.ts';
import { chance, joinBytes, mutateBytes, pick } from '../byte-mutations.ts';
import { latin1, mutateLines } from '../text-mutations.ts';

export const TOKEN = 'a-token-of-the-relay';
/** Sessions that an input can name. */
export const NAMED_SESSIONS = 8;
/** What the HTTP server reads at most. */
const MAX_BODY_BYTES = 64 * 1024;

export interface NamedSession {
  /** `/whip/NAME/ID` */
  readonly path: string;
  readonly etag: string;
}

export function drawnRequest(random: Random): Uint8Array {
  const request = drawnKind(random);
  if (chance(random, 0.4)) return latin1(request);
  // In half of them only the body, because a damaged path leads nowhere.
  const at = chance(random, 0.5) ? request.indexOf('\n\n') + 2 : 0;
  return joinBytes(latin1(request.slice(0, at)), damaged(request.slice(at), random));
}

function damaged(text: string, random: Random): Uint8Array {
  if (chance(random, 0.4)) return mutateBytes(latin1(text), random, latin1(text), 2 * MAX_BODY_BYTES);
  return latin1(mutateLines(text.split('\n'), random, DICTIONARY).join('\n'));
}

/** @param sessions - Those that an input can name, at most {@link NAMED_SESSIONS}. */
export function readRequest(
  text: string,
  sessions: readonly NamedSession[],
): Pick<SessionRequest, 'method' | 'path' | 'headers' | 'body'> {
  const end = text.indexOf('\n\n');
  const head = end < 0 ? text : text.slice(0, end);
  const body = end < 0 ? '' : text.slice(end + 2);
  const named = head.replaceAll(/\{(path|player|id|etag)(\d)\}/g, (all, what: string, digit: string) => {
    const some = what === 'player' ? sessions.filter(({ path }) => path.startsWith('/whep/')) : sessions;
    const session = some[Number(digit) % Math.max(1, some.length)];
    if (session === undefined) return all;
    if (what === 'path' || what === 'player') return session.path;
    return what === 'etag' ? session.etag : (session.path.split('/')[3] ?? '');
  });
  const [first = '', ...lines] = named.split('\n');
  const [method = '', ...path] = first.split(' ');
  const headers: Record<string, string | string[]> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon)).toLowerCase();
    // As Node.js does: what came twice is told twice.
    const known = Object.hasOwn(headers, name) ? headers[name] : undefined;
    const value = line.slice(colon + 1).trim();
    Object.defineProperty(headers, name, {
      value: known === undefined ? value : [known, value].flat(),
      enumerable: true,
      configurable: true,
    });
  }
  return { method, path: path.join(' '), headers, body: latin1(body).subarray(0, MAX_BODY_BYTES) };
}

const NAMES = [
  ...Array.from({ length: 12 }, (_, i) => `studio-${i}`),
  'a',
  'b.c-d_e',
  '..',
  'x'.repeat(64),
  'x'.repeat(65),
  '',
  '%00',
];
/** Somebody publishes there all the time. */
export const STEADY_NAME = 'steady';
const OFFER = 'Content-Type: application/sdp';
const FRAGMENT = 'Content-Type: application/trickle-ice-sdpfrag';
const JSON_TYPE = 'Content-Type: application/json';
const AUTHORIZED = `Authorization: Bearer ${TOKEN}`;
const HEADERS = [
  AUTHORIZED,
  'Authorization: Bearer',
  'Authorization: Bearer wrong',
  `Authorization: bearer   ${TOKEN}  `,
  `Authorization: Basic ${TOKEN}`,
  `Authorization: Bearer ${'t'.repeat(300)}`,
  `Authorization: Bearer ${TOKEN}, Bearer ${TOKEN}`,
  OFFER,
  'Content-Type: APPLICATION/SDP; charset=utf-8',
  FRAGMENT,
  JSON_TYPE,
  'Content-Type: ;;;',
  'Accept: */*',
  'Accept: application/*;q=0.5',
  'Accept: application/sdp;q=0.000',
  'Accept: text/html',
  `Accept: ${'a/b;q=0,'.repeat(500)}`,
  'If-Match: *',
  'If-Match: {etag0}',
  'If-Match: "another"',
  'If-Match: W/"weak", {etag1}',
  '__proto__: x',
  'constructor: y',
];

const CANDIDATES = [
  'a=candidate:1 1 udp 2113937151 127.0.0.1 4000 typ host',
  'a=candidate:2 1 udp 1686052607 203.0.113.5 6000 typ srflx raddr 192.0.2.7 rport 41000',
  'a=candidate:3 1 tcp 1518280447 2001:db8::7 9 typ host tcptype active',
  'a=candidate:4 1 udp 2113937151 8a2b.local 5000 typ host',
  'a=candidate:5 1 udp 1 example.com 9 typ host',
  `a=candidate:${'6'.repeat(40)} 256 udp 4294967296 256.1.1.1 65536 typ host`,
  'a=candidate:',
];
const FRAGMENT_LINES = [
  'a=ice-ufrag:o31Y',
  'a=ice-ufrag:other',
  'a=ice-ufrag:',
  'a=ice-pwd:rT82xAcR2+sR89PJhuBewFcI',
  'm=audio 9 UDP/TLS/RTP/SAVPF 0',
  'a=mid:0',
  'a=end-of-candidates',
  ...CANDIDATES,
];
const CHOICES = [
  '{"encodingId":"0"}',
  '{"mediaId":"1","encodingId":"2"}',
  '{}',
  '{"encodingId":2}',
  '{"encodingId":"3"}',
  '{"encodingId":"__proto__"}',
  '{"__proto__":{"encodingId":"1"}}',
  '{"encodingId":["1"]}',
  '[]',
  'null',
  '"1"',
  `{"a":"${'x'.repeat(1_100)}"}`,
  '['.repeat(1_000),
  '\xff\xfe{',
];

/** Of a client that can send three encodings of its picture. */
const SIMULCAST_LINES = [
  'a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id',
  'a=rid:lo send',
  'a=rid:mid send',
  'a=rid:hi send',
  'a=simulcast:send lo;mid;hi',
];
export const PLAYER_OFFERS = [chromiumOffer, firefoxOffer, libdatachannelOffer].map(unix);
export const PUBLISHER_OFFERS = PLAYER_OFFERS.map((offer) => offer.replaceAll('a=recvonly', 'a=sendonly'));
export const SIMULCAST_OFFER = (PUBLISHER_OFFERS[0] ?? '').replace(
  /(m=video.*\n)/,
  `$1${SIMULCAST_LINES.join('\n')}\n`,
);
const DICTIONARY = [
  ...HEADERS,
  ...FRAGMENT_LINES,
  ...SIMULCAST_LINES,
  'a=sendrecv',
  'a=setup:active',
  'a=ice-lite',
];

/** Lines of a description may end in a line feed alone; so do those of the text that holds it. */
function unix(offer: string): string {
  return offer.replaceAll('\r\n', '\n');
}

function drawnKind(random: Random): string {
  return pick(random, [
    publish,
    publish,
    publish,
    play,
    play,
    play,
    trickle,
    trickle,
    trickle,
    choose,
    leave,
    anything,
  ])(random);
}

function publish(random: Random): string {
  const offer = chance(random, 0.4) ? SIMULCAST_OFFER : pick(random, PUBLISHER_OFFERS);
  const token = chance(random, 0.85) ? [AUTHORIZED] : some(random);
  return text(`POST /whip/${pick(random, NAMES)}`, [OFFER, ...token], offer);
}

function play(random: Random): string {
  return text(
    `POST /whep/${chance(random, 0.5) ? STEADY_NAME : pick(random, NAMES)}`,
    [OFFER],
    pick(random, PLAYER_OFFERS),
  );
}

function trickle(random: Random): string {
  const n = random.below(NAMED_SESSIONS);
  const match = chance(random, 0.8) ? [`If-Match: {etag${n}}`] : some(random);
  const lines = Array.from({ length: 1 + random.below(chance(random, 0.05) ? 600 : 5) }, () =>
    pick(random, FRAGMENT_LINES),
  );
  return text(`PATCH {path${n}}`, [FRAGMENT, ...match], lines.join(chance(random, 0.5) ? '\r\n' : '\n'));
}

function choose(random: Random): string {
  return text(
    `POST {${pick(random, ['player', 'player', 'player', 'path'])}${random.below(NAMED_SESSIONS)}}/layer`,
    [JSON_TYPE],
    pick(random, CHOICES),
  );
}

function leave(random: Random): string {
  if (chance(random, 0.6)) return preflight(random);
  return text(`DELETE {path${random.below(NAMED_SESSIONS)}}`, chance(random, 0.3) ? some(random) : [], '');
}

function preflight(random: Random): string {
  const path = pick(random, [
    '/whip/a',
    '/whep/a',
    '/whip/a/b',
    '/whep/a/b/layer',
    '/whip/',
    '*',
    '/whep/a/b/c/d',
  ]);
  return text(`OPTIONS ${path}`, some(random), '');
}

/** Whatever belongs nowhere. */
function anything(random: Random): string {
  const n = random.below(NAMED_SESSIONS);
  const method = pick(random, ['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE', 'patch', '']);
  const path = pick(random, [
    `/whip/studio/{id${n}}`,
    `/whep/studio/{id${n}}`,
    `/whep/stage/{id${n}}/layer`,
    `{path${n}}/`,
    `{path${n}}/layer/layer`,
    '/whip/studio',
    '/whep/studio',
    '/whip',
    '//whip/studio',
    '/WHIP/studio',
  ]);
  return text(`${method} ${path}`, some(random), pick(random, ['', ...CHOICES, ...FRAGMENT_LINES]));
}

function some(random: Random): string[] {
  return Array.from({ length: random.below(chance(random, 0.02) ? 200 : 5) }, () => pick(random, HEADERS));
}

function text(first: string, headers: readonly string[], body: string): string {
  return `${[first, ...headers].join('\n')}\n\n${body}`;
}
