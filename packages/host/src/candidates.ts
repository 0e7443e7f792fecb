/**
 * ICE candidates from another peer (RFC 8839, section 5.1), as they stand in a description or trickle after it.
 * Each is parsed and written anew; extensions that no ICE agent of ours reads (generation, network-cost) are dropped.
 */

import { MAX_CANDIDATES, MAX_CANDIDATE_LENGTH } from '@casto/core';
import { SessionDescriptionError } from './session-description-error.ts';
import type { SessionParameters } from './session-parameters.ts';

export interface Candidate {
  foundation: string;
  transport: 'udp' | 'tcp';
  priority: number;
  /** IPv4, IPv6, or the `.local` name by which browsers hide a private address. */
  address: string;
  port: number;
  type: 'host' | 'srflx' | 'prflx' | 'relay';
  related?: { address: string; port: number };
  tcpType?: 'active' | 'passive' | 'so';
}

/**
 * @throws {SessionDescriptionError} `bad-candidate` for anything but one candidate of component 1 (RTP and RTCP
 *   share it) whose address is an IP or an mDNS name. Other names are refused: resolving them would let a peer
 *   direct DNS queries of ours.
 */
export function parseCandidate(text: unknown): Candidate {
  if (typeof text !== 'string') throw badCandidate('not a string');
  if (text.length > MAX_CANDIDATE_LENGTH) throw badCandidate(`more than ${MAX_CANDIDATE_LENGTH} characters`);
  const match = CANDIDATE.exec(text);
  const [, foundation, transport, priority, address, port, type, extensions] = match ?? [];
  if (foundation === undefined || address === undefined) throw badCandidate('not a candidate attribute');

  const related = readRelated(extensions ?? '');
  const tcpType = TCP_TYPE.exec(extensions ?? '')?.[1];
  const candidate: Candidate = {
    foundation,
    transport: transport?.toLowerCase() === 'tcp' ? 'tcp' : 'udp',
    priority: Number(priority),
    address,
    port: Number(port),
    type: readType(type),
    ...(related === null ? {} : { related }),
    ...(tcpType === 'active' || tcpType === 'passive' || tcpType === 'so' ? { tcpType } : {}),
  };
  checkCandidate(candidate);
  return candidate;
}

export function renderCandidate(candidate: Candidate): string {
  checkCandidate(candidate);
  const { foundation, transport, priority, address, port, type, related, tcpType } = candidate;
  const relatedText = related === undefined ? '' : ` raddr ${related.address} rport ${related.port}`;
  const tcpText = tcpType === undefined ? '' : ` tcptype ${tcpType}`;
  return `candidate:${foundation} 1 ${transport} ${priority} ${address} ${port} typ ${type}${relatedText}${tcpText}`;
}

/** Checks one candidate and writes it in its canonical form, without a leading `a=`. */
export function canonicalCandidate(text: unknown): string {
  return renderCandidate(parseCandidate(text));
}

/**
 * Puts the announced address in place of a host candidate's own, for a relay behind a one-to-one NAT.
 *
 * @param address - An IP address; names must be resolved before.
 * @returns The candidate unchanged when it is not a host candidate; `null` when it is one of the other address
 *   family, which the announced address does not lead to.
 */
export function rewriteCandidateAddress(candidate: string, address: string): string | null {
  const parsed = parseCandidate(candidate);
  if (parsed.type !== 'host') return renderCandidate(parsed);
  if (isIpv6(parsed.address) !== isIpv6(address)) return null;
  return renderCandidate({ ...parsed, address });
}

/** Splits off the candidates, to send them one by one after the description. */
export function splitCandidates(parameters: SessionParameters): {
  parameters: SessionParameters;
  candidates: string[];
} {
  return { parameters: { ...parameters, candidates: [] }, candidates: [...parameters.candidates] };
}

/** Lets through what trickles from the other end of one link: well formed, once each, and not without end. */
export class CandidateIntake {
  readonly #taken = new Set<string>();
  #refused = 0;

  /** How many were bad or too many. */
  get refused(): number {
    return this.#refused;
  }

  /** @returns The candidate in canonical form, or `null` when it is to be dropped. */
  take(text: unknown): string | null {
    if (typeof text === 'string' && RTCP_COMPONENT.test(text)) return null;
    try {
      const candidate = canonicalCandidate(text);
      if (this.#taken.has(candidate)) return null;
      if (this.#taken.size < MAX_CANDIDATES) {
        this.#taken.add(candidate);
        return candidate;
      }
    } catch (error) {
      if (!(error instanceof SessionDescriptionError)) throw error;
    }
    this.#refused += 1;
    return null;
  }
}

const CANDIDATE =
  /^(?:a=)?candidate:([A-Za-z0-9+/]{1,32}) 1 (udp|tcp) (\d{1,10}) ([A-Za-z0-9.:-]{1,64}) (\d{1,5}) typ ([a-z]{4,5})((?: [\x21-\x7e]+)*)$/i;
/** Firefox gathers for RTCP too, whatever the offer says about `rtcp-mux`. There is no harm in it, and no use. */
const RTCP_COMPONENT = /^(?:a=)?candidate:\S{1,32} 2 /;
const RELATED = /(?:^| )raddr ([A-Za-z0-9.:-]{1,64}) rport (\d{1,5})(?: |$)/;
const TCP_TYPE = /(?:^| )tcptype (active|passive|so)(?: |$)/;
const FOUNDATION = /^[A-Za-z0-9+/]{1,32}$/;
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/;
const IPV6_CHARS = /^[0-9a-fA-F:.]{2,45}$/;
const MDNS_NAME = /^[A-Za-z0-9-]{1,63}\.local$/;

/** RFC 8445, section 5.1.2: a priority is a number from 1 to 2^31 - 1. */
const MAX_PRIORITY = 2 ** 31 - 1;
const MAX_PORT = 65_535;

function readType(type: string | undefined): Candidate['type'] {
  const lower = type?.toLowerCase();
  if (lower === 'host' || lower === 'srflx' || lower === 'prflx' || lower === 'relay') return lower;
  throw badCandidate('unknown type');
}

function readRelated(extensions: string): NonNullable<Candidate['related']> | null {
  const [, address, port] = RELATED.exec(extensions) ?? [];
  return address === undefined ? null : { address, port: Number(port) };
}

function checkCandidate(candidate: Candidate): void {
  const { foundation, priority, address, port, related } = candidate;
  if (!FOUNDATION.test(foundation)) throw badCandidate('bad foundation');
  if (!Number.isInteger(priority) || priority < 1 || priority > MAX_PRIORITY)
    throw badCandidate('bad priority');
  if (!isIpAddress(address) && !MDNS_NAME.test(address)) throw badCandidate('bad address');
  if (!isPort(port)) throw badCandidate('bad port');
  // A peer that hides its address gives 0.0.0.0, :: or an mDNS name here, with port 0 or 9.
  if (related === undefined) return;
  if (!isIpAddress(related.address) && !MDNS_NAME.test(related.address))
    throw badCandidate('bad related address');
  if (related.port !== 0 && !isPort(related.port)) throw badCandidate('bad related port');
}

function isIpAddress(text: string): boolean {
  return IPV4.test(text) || isIpv6(text);
}

function isIpv6(text: string): boolean {
  return IPV6_CHARS.test(text) && text.includes(':') && URL.canParse(`http://[${text}]/`);
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= MAX_PORT;
}

function badCandidate(detail: string): SessionDescriptionError {
  return new SessionDescriptionError('bad-candidate', detail);
}
