/**
 * Simulcast in a publisher's offer: which encodings of one picture it can send (RFC 8853), by what names (RFC 8851), and
 * where its packets carry the name (RFC 8852).
 *
 * These lines reach no other parser, so that whatever stands in them, the worst that comes of it is one stream.
 */

import { MAX_LAYERS } from '@casto/core';

/** Of one media section, as it is answered. */
export interface OfferedSimulcast {
  /** Two at least, in the order of the offer, which says nothing certain of their quality. */
  readonly rids: readonly string[];
  /** Number of the header extension that carries a rid. */
  readonly ridExtension: number;
  /** Number of the one that carries a mid, `null` where it was not offered. */
  readonly midExtension: number | null;
}

/** RFC 8852, section 5.1, and RFC 9143, section 15.2. */
export const EXTENSION_URIS = {
  rid: 'urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id',
  mid: 'urn:ietf:params:rtp-hdrext:sdes:mid',
} as const;

/** An element of the shorter form of header extensions holds 16 bytes (RFC 8285, section 4.2). */
const RID = /^[A-Za-z0-9_-]{1,16}$/;
/** RFC 8285: 15 ends the extensions of the shorter form, so nobody may have it. */
const RESERVED_EXTENSION = 15;
const MAX_EXTENSION = 255;
/** As everywhere in descriptions: longer lines are not read. */
const MAX_LINE_CHARS = 1024;
const LEAST_RIDS = 2;

/**
 * @param sdp - An offer that was found well-formed, so of limited size.
 * @param section - Which of its sections, counted from 0.
 * @param payloadType - The one that is answered: rids that are sent with others only are left out.
 * @returns `null` where one stream is all that can be told apart.
 */
export function readOfferedSimulcast(
  sdp: string,
  section: number,
  payloadType: number,
): OfferedSimulcast | null {
  const lines = linesOf(sdp, section);
  const offered = readRids(lines, payloadType);
  const rids = readOrder(lines)
    .filter((rid, index, all) => offered.has(rid) && all.indexOf(rid) === index)
    .slice(0, MAX_LAYERS);
  const extensions = readExtensions(lines);
  const ridExtension = extensions.get(EXTENSION_URIS.rid);
  if (rids.length < LEAST_RIDS || ridExtension === undefined) return null;
  const midExtension = extensions.get(EXTENSION_URIS.mid) ?? null;
  return { rids, ridExtension, midExtension: midExtension === ridExtension ? null : midExtension };
}

/** Of the section, and of the session, whose header extensions hold for all. */
function linesOf(sdp: string, section: number): string[] {
  let at = -1;
  return sdp.split(/\r\n|\r|\n/).filter((line) => {
    if (line.startsWith('m=')) at += 1;
    return (at === section || (at === -1 && line.startsWith('a=extmap:'))) && line.length <= MAX_LINE_CHARS;
  });
}

/** RFC 8851, section 10: a name, a direction, and restrictions, of which the codec alone is of interest. */
function readRids(lines: readonly string[], payloadType: number): Set<string> {
  const rids = new Set<string>();
  for (const line of lines) {
    if (!line.startsWith('a=rid:')) continue;
    const [rid = '', direction, restrictions = ''] = line.slice('a=rid:'.length).split(' ');
    if (RID.test(rid) && direction === 'send' && allows(restrictions, payloadType)) rids.add(rid);
  }
  return rids;
}

function allows(restrictions: string, payloadType: number): boolean {
  const types = restrictions.split(';').find((restriction) => restriction.startsWith('pt='));
  return types === undefined || types.slice('pt='.length).split(',').includes(String(payloadType));
}

/**
 * RFC 8853, section 5.1: streams apart by semicolons, alternatives by commas, those that begin paused marked by a tilde. Of
 * alternatives the first is taken.
 */
function readOrder(lines: readonly string[]): string[] {
  const line = lines.find((candidate) => candidate.startsWith('a=simulcast:'));
  const words = (line ?? '').slice('a=simulcast:'.length).split(' ');
  const at = words.indexOf('send');
  const list = at % 2 === 0 ? (words[at + 1] ?? '') : '';
  return list.split(';').map((stream) => (stream.split(',')[0] ?? '').replace(/^~/, ''));
}

function readExtensions(lines: readonly string[]): Map<string, number> {
  const extensions = new Map<string, number>();
  for (const line of lines) {
    const [, digits, uri] = /^a=extmap:(\d{1,3})(?:\/[a-z]{1,8})? (\S+)/.exec(line) ?? [];
    const id = Number(digits);
    if (uri === undefined || id < 1 || id > MAX_EXTENSION || id === RESERVED_EXTENSION) continue;
    if (uri === EXTENSION_URIS.rid || uri === EXTENSION_URIS.mid) extensions.set(uri, id);
  }
  return extensions;
}
