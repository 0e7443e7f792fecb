/**
 * WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep) without their HTTP server: fields of a request in, fields of the
 * response out.
 *
 *   POST    /whip/NAME      offer in, 201 with the answer and the session's own address
 *   PATCH   /whip/NAME/ID   candidates of the client
 *   DELETE  /whip/NAME/ID   the session is over
 *   OPTIONS on both         what they take, for people and for pages of other origins
 *
 * and the same below `/whep/`, where a session is also told which layer it is to be sent:
 *
 *   POST    /whep/NAME/ID/layer
 *
 * A session's address cannot be guessed, so whoever knows it may end it.
 */

import { randomBytes } from 'node:crypto';
import type { SessionResult } from '../relay-metrics.ts';
import { assertBearer } from './bearer-token.ts';
import { CHANNEL_NAME } from './channel-keys.ts';
import { MAX_OFFER_BYTES } from './client-offer.ts';
import { LAYER_RELATION, LAYER_TYPE, readLayerRequest } from './layer-request.ts';
import { readSdpFragment } from './sdp-fragment.ts';
import { SessionRefusal } from './session-refusal.ts';

/** What a request for a session may carry; more is answered with 413 by whoever reads it. */
export const MAX_SESSION_BODY_BYTES = MAX_OFFER_BYTES;

/** An RTCIceServer (W3C WebRTC, section 4.2.4). */
export interface NamedIceServer {
  readonly urls: readonly string[];
  readonly username?: string;
  readonly credential?: string;
}

export interface SessionRequest {
  readonly method: string;
  /** Decoded, without the query. */
  readonly path: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** At most {@link MAX_SESSION_BODY_BYTES}. */
  readonly body: Uint8Array;
  /** IP address that the request comes from. */
  readonly from: string;
  /** What to name to whoever asks. */
  readonly iceServers?: readonly NamedIceServer[];
}

export interface SessionResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: string;
}

/** A session that was made, for the endpoint that keeps it. */
export interface OpenSession {
  /** The channel's id, told in `Casto-Channel`. */
  readonly channel: string;
  /** The answer in SDP. */
  readonly answer: string;
  /** Of the client's ICE session. */
  readonly usernameFragment: string;
  addCandidate(candidate: string): void;
  /** Sends the client this layer of the video, or the next lower one that is there; absent where it is not sent any. */
  chooseLayer?(layer: number): void;
  /** The client says that it is over, maybe after it closed its connection. Idempotent. */
  end(): void;
}

export interface SessionOpening {
  readonly name: string;
  readonly sdp: string;
  readonly from: string;
  /** The session is closed, by whomever. */
  readonly onClosed: () => void;
}

/** What makes the sessions of one role. */
export interface SessionRole {
  /** Asked of those who open sessions; `null`: anybody may. */
  readonly token: string | null;
  /** @throws {SessionRefusal} */
  open(opening: SessionOpening): Promise<OpenSession>;
}

export interface SessionEndpointOptions {
  /** What is missing is answered with 404. */
  readonly roles: Readonly<Partial<Record<'whip' | 'whep', SessionRole>>>;
}

export type SessionResults = Readonly<Partial<Record<SessionResult, number>>>;

interface KeptSession {
  readonly session: OpenSession;
  readonly etag: string;
  readonly role: Role;
  readonly name: string;
}

type Role = 'whip' | 'whep';

const RESULTS: Readonly<Record<number, SessionResult>> = {
  201: 'opened',
  400: 'malformed',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not-found',
  406: 'codec',
  409: 'name-taken',
  415: 'malformed',
  422: 'unanswerable',
  503: 'unavailable',
};

interface Target {
  readonly role: Role;
  readonly name: string;
  /** `null`: the address that sessions are made at. */
  readonly id: string | null;
  /** The address of the session's choice of a layer. */
  readonly isLayer: boolean;
}

const ID_BYTES = 18;
/** As many as may publish. */
const MAX_LEFT = 100;
const PREFLIGHT_AGE_S = 86_400;
const OFFER_TYPE = 'application/sdp';
const FRAGMENT_TYPE = 'application/trickle-ice-sdpfrag';
const MAKING_METHODS = 'OPTIONS, POST';
const SESSION_METHODS = 'OPTIONS, PATCH, DELETE';
const CROSS_ORIGIN = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Expose-Headers':
    'Location, ETag, Link, Accept-Patch, Accept-Post, Casto-Channel, Retry-After',
  'Cross-Origin-Resource-Policy': 'cross-origin',
} as const;

export class SessionEndpoint {
  readonly #options: SessionEndpointOptions;
  readonly #sessions = new Map<string, KeptSession>();
  /** Closed without a word, the oldest first: clients close their connection, and then delete the session. */
  readonly #left = new Map<string, KeptSession>();
  readonly #results: Record<Role, Partial<Record<SessionResult, number>>> = { whip: {}, whep: {} };

  constructor(options: SessionEndpointOptions) {
    this.#options = options;
  }

  /** Sessions of both roles. */
  get size(): number {
    return this.#sessions.size;
  }

  /** How requests for sessions ended, since the start. */
  results(role: Role): SessionResults {
    return { ...this.#results[role] };
  }

  /** Answers every request with something. Rejects only for mistakes of its own. */
  async handle(request: SessionRequest): Promise<SessionResponse> {
    try {
      const { status, headers, body } = await this.#route(request);
      return { status, headers: { ...CROSS_ORIGIN, ...headers }, body };
    } catch (error) {
      if (!(error instanceof SessionRefusal)) throw error;
      const headers = { ...CROSS_ORIGIN, 'Content-Type': 'text/plain; charset=utf-8', ...error.headers };
      return { status: error.status, headers, body: `${error.message}\n` };
    }
  }

  #route(request: SessionRequest): Promise<SessionResponse> | SessionResponse {
    const target = targetOf(request.path);
    if (target === undefined || !CHANNEL_NAME.test(target.name)) {
      throw new SessionRefusal(404, 'A name has 1 to 64 letters, digits, dots, hyphens and underscores.');
    }
    const makes = target.id === null || target.isLayer;
    const methods = makes ? MAKING_METHODS : SESSION_METHODS;
    if (request.method === 'OPTIONS') return preflight(target, request, methods);
    // RFC 9725, section 4.2: GET, HEAD and PUT are reserved.
    if (!methods.split(', ').includes(request.method)) {
      throw new SessionRefusal(405, `Only ${methods} are answered here.`, { Allow: methods });
    }
    if (target.id === null) return this.#openCounted(target, request);
    return this.#toSession(target, target.id, request);
  }

  async #openCounted(target: Target, request: SessionRequest): Promise<SessionResponse> {
    let status = 500;
    try {
      const response = await this.#open(target, request);
      status = response.status;
      return response;
    } catch (error) {
      if (error instanceof SessionRefusal) status = error.status;
      throw error;
    } finally {
      const counts = this.#results[target.role];
      const result = RESULTS[status] ?? 'failed';
      counts[result] = (counts[result] ?? 0) + 1;
    }
  }

  async #open(
    { role, name }: Target,
    { headers, body, from, iceServers }: SessionRequest,
  ): Promise<SessionResponse> {
    const maker = this.#options.roles[role];
    if (maker === undefined) throw new SessionRefusal(404, 'That is not to be had here.');
    assertBearer(maker.token, textOf(headers['authorization']));
    assertType(headers['content-type'], OFFER_TYPE, 'Accept-Post');
    if (!accepts(textOf(headers['accept']), OFFER_TYPE)) {
      throw new SessionRefusal(406, `The answer is ${OFFER_TYPE}, which the request does not accept.`);
    }
    const id = randomBytes(ID_BYTES).toString('base64url');
    let isClosed = false;
    const onClosed = (): void => {
      isClosed = true;
      const kept = this.#sessions.get(id);
      this.#sessions.delete(id);
      if (kept !== undefined) this.#remember(id, kept);
    };
    const session = await maker.open({ name, sdp: Buffer.from(body).toString('latin1'), from, onClosed });
    const etag = `"${randomBytes(ID_BYTES).toString('base64url')}"`;
    if (!isClosed) this.#sessions.set(id, { session, etag, role, name });
    return {
      status: 201,
      headers: {
        'Content-Type': OFFER_TYPE,
        Location: `/${role}/${name}/${id}`,
        ETag: etag,
        'Accept-Patch': FRAGMENT_TYPE,
        'Casto-Channel': session.channel,
        'Cache-Control': 'no-store',
        ...linkHeader([
          ...linksTo(iceServers),
          ...(session.chooseLayer === undefined
            ? []
            : [`</${role}/${name}/${id}/layer>; rel="${LAYER_RELATION}"`]),
        ]),
      },
      body: session.answer,
    };
  }

  #remember(id: string, kept: KeptSession): void {
    this.#left.set(id, kept);
    const [oldest] = this.#left.keys();
    if (this.#left.size > MAX_LEFT && oldest !== undefined) this.#left.delete(oldest);
  }

  #toSession({ role, name, isLayer }: Target, id: string, request: SessionRequest): SessionResponse {
    const { method, headers, body } = request;
    const authorization = textOf(headers['authorization']);
    if (authorization !== undefined) assertBearer(this.#options.roles[role]?.token ?? null, authorization);
    const kept = this.#sessions.get(id) ?? (method === 'DELETE' ? this.#left.get(id) : undefined);
    if (kept?.role !== role || kept.name !== name) throw new SessionRefusal(404, 'There is no such session.');
    if (isLayer) return chooseLayer(kept, request);
    if (method === 'DELETE') {
      kept.session.end();
      this.#left.delete(id);
      return { status: 200, headers: {}, body: '' };
    }
    assertType(headers['content-type'], FRAGMENT_TYPE, 'Accept-Patch');
    return patch(kept, textOf(headers['if-match']), body);
  }
}

function chooseLayer({ session }: KeptSession, { headers, body }: SessionRequest): SessionResponse {
  if (session.chooseLayer === undefined) throw new SessionRefusal(404, 'A publisher is sent nothing.');
  assertType(headers['content-type'], LAYER_TYPE, 'Accept-Post');
  session.chooseLayer(readLayerRequest(body));
  return { status: 200, headers: {}, body: '' };
}

function preflight(target: Target, { iceServers }: SessionRequest, methods: string): SessionResponse {
  return {
    status: 204,
    headers: {
      Allow: methods,
      'Access-Control-Allow-Methods': methods,
      'Access-Control-Allow-Headers': 'Authorization, Content-Type, If-Match',
      'Access-Control-Max-Age': String(PREFLIGHT_AGE_S),
      ...acceptedBy(target, iceServers),
    },
    body: '',
  };
}

function acceptedBy(
  { id, isLayer }: Target,
  iceServers: readonly NamedIceServer[] | undefined,
): SessionResponse['headers'] {
  if (isLayer) return { 'Accept-Post': LAYER_TYPE };
  if (id !== null) return { 'Accept-Patch': FRAGMENT_TYPE };
  return { 'Accept-Post': OFFER_TYPE, ...linkHeader(linksTo(iceServers)) };
}

/** RFC 9725, section 4.6. */
function linksTo(iceServers: readonly NamedIceServer[] = []): string[] {
  return iceServers.flatMap(({ urls, username, credential }) =>
    urls.map((url) => {
      const secret =
        username === undefined || credential === undefined
          ? ''
          : `; username="${username}"; credential="${credential}"; credential-type="password"`;
      return `<${url}>; rel="ice-server"${secret}`;
    }),
  );
}

function linkHeader(links: string[]): { Link?: string[] } {
  return links.length === 0 ? {} : { Link: links };
}

/**
 * RFC 9725, section 4.3.1: candidates are taken, restarts of ICE are not, which the library below cannot do. Players in
 * use leave If-Match out, and mean the only ICE session that there is.
 */
function patch(
  { session, etag, role }: KeptSession,
  given: string | undefined,
  body: Uint8Array,
): SessionResponse {
  if (given === undefined && role === 'whip')
    throw new SessionRefusal(428, 'If-Match with the ETag of the session is missing.');
  const ifMatch = given ?? etag;
  const fragment = readSdpFragment(body);
  const isOther =
    fragment.usernameFragment !== null && fragment.usernameFragment !== session.usernameFragment;
  if (ifMatch.trim() === '*' || (isOther && ifMatch.trim() === etag)) {
    throw new SessionRefusal(422, 'ICE cannot be restarted here: open another session.');
  }
  if (ifMatch.trim() !== etag) throw new SessionRefusal(412, 'If-Match names another ICE session.');
  for (const candidate of fragment.candidates) session.addCandidate(candidate);
  return { status: 204, headers: {}, body: '' };
}

/** `undefined` for what is no path of a session or of a place to make one. */
function targetOf(path: string): Target | undefined {
  const [before, role, name, id, part, ...rest] = path.split('/');
  if (before !== '') return undefined;
  if ((role !== 'whip' && role !== 'whep') || name === undefined || rest.length > 0) return undefined;
  if (part !== undefined && part !== 'layer') return undefined;
  return { role, name, id: id ?? null, isLayer: part !== undefined };
}

function assertType(header: string | string[] | undefined, expected: string, acceptHeader: string): void {
  const [type = ''] = (textOf(header) ?? '').split(';');
  if (type.trim().toLowerCase() === expected) return;
  throw new SessionRefusal(415, `The body must be ${expected}.`, { [acceptHeader]: expected });
}

/** RFC 9110, section 12.5.1; without the header anything is accepted. */
function accepts(header: string | undefined, type: string): boolean {
  if (header === undefined || header.trim() === '') return true;
  const ranges = ['*/*', `${type.split('/')[0] ?? ''}/*`, type];
  return header.split(',').some((item) => {
    const [range = '', ...parameters] = item.split(';').map((part) => part.trim().toLowerCase());
    return ranges.includes(range) && !parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter));
  });
}

function textOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(', ') : header;
}
