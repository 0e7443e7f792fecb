/**
 * The ICE servers that a relay names to pages: its own STUN, and those of its operator. TURN credentials are made for
 * each request and expire, so that what a page has read is of no use for long.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import { parseAddress } from './public-address.ts';

/** An RTCIceServer (W3C WebRTC, section 4.2.4), as pages take it. */
export interface IceServer {
  urls: string[];
  username?: string;
  credential?: string;
}

export interface IceSettings {
  /** `stun:`, `turn:` and `turns:` URLs. */
  iceServers: readonly string[];
  /** Shared with the TURN servers; null when there is none. */
  turnSecret: string | null;
  turnHours: number;
}

const highestPort = 65_535;
const hourMs = 3_600_000;
/** Tells the users of a TURN server apart, whose quotas count by it. */
const userIdBytes = 9;

/**
 * @returns The URL with its scheme and host in lower case, or `undefined` when it is none of `stun:HOST[:PORT]` and
 * `turn:HOST[:PORT][?transport=udp|tcp]`, also with `turns:`.
 * @see RFC 7064, section 3.1, and RFC 7065, section 3.1.
 */
export function parseIceServerUrl(text: string): string | undefined {
  const match =
    /^(?<scheme>stun|turns?):(?<host>\[[^[\]]*\]|[^:?[\]]*)(?::(?<port>[0-9]{1,5}))?(?<query>\?.*)?$/i.exec(
      text,
    );
  const { scheme = '', host = '', port, query = '' } = match?.groups ?? {};
  const parsedHost = parseHost(host);
  if (parsedHost === undefined) return undefined;
  if (port !== undefined && (Number(port) === 0 || Number(port) > highestPort)) return undefined;
  const isTurn = scheme.toLowerCase() !== 'stun';
  if (query !== '' && !(isTurn && /^\?transport=(?:udp|tcp)$/i.test(query))) return undefined;
  return `${scheme.toLowerCase()}:${parsedHost}${port === undefined ? '' : `:${Number(port)}`}${query.toLowerCase()}`;
}

function parseHost(host: string): string | undefined {
  const literal = /^\[(.*)\]$/.exec(host)?.[1];
  if (literal === undefined) return isIP(host) === 6 ? undefined : parseAddress(host);
  // Browsers know no zones here (RFC 6874 is for other URLs).
  return isIP(literal) === 6 && !literal.includes('%') ? `[${literal.toLowerCase()}]` : undefined;
}

export function isTurnUrl(url: string): boolean {
  return url.startsWith('turn');
}

/** @param host - An IP address or DNS name. */
export function stunUrl(host: string, port: number): string {
  return `stun:${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
}

/**
 * What one request is told.
 *
 * @param ownStun - The URL of the relay itself; null when it has none.
 * @param nowMs - Milliseconds since 1970.
 */
export function iceServersFor(
  { iceServers, turnSecret, turnHours }: IceSettings,
  ownStun: string | null,
  nowMs: number,
): IceServer[] {
  const stun = [...(ownStun === null ? [] : [ownStun]), ...iceServers.filter((url) => !isTurnUrl(url))];
  const turn = iceServers.filter(isTurnUrl);
  const servers: IceServer[] = stun.map((url) => ({ urls: [url] }));
  if (turn.length > 0 && turnSecret !== null) {
    const id = randomBytes(userIdBytes).toString('base64url');
    servers.push({
      urls: turn,
      ...turnCredentials(turnSecret, { id, expiresAtMs: nowMs + turnHours * hourMs }),
    });
  }
  return servers;
}

/**
 * Credentials that a TURN server with the same secret accepts until they expire: what coturn calls `use-auth-secret`.
 *
 * @param user - `id` is any text; `expiresAtMs` counts milliseconds since 1970.
 * @see draft-uberti-behave-turn-rest, section 2.2.
 */
export function turnCredentials(
  secret: string,
  { id, expiresAtMs }: { id: string; expiresAtMs: number },
): { username: string; credential: string } {
  const username = `${Math.floor(expiresAtMs / 1_000)}:${id}`;
  return { username, credential: createHmac('sha1', secret).update(username).digest('base64') };
}
