/**
 * What WHIP and WHEP clients ask for over HTTP: the endpoint with its publishers and players as a relay has them, over
 * connections whose fate is drawn too. Beside them one publisher sends, one player watches, and neither is disturbed.
 */

import { generateKeyPair } from '@libp2p/crypto/keys';
import { MAX_LAYERS } from '@casto/core';
import { refusalCounter } from '@casto/host';
import { turn, VirtualClock } from '@casto/host/conformance/virtual-clock';
import { JoinGate } from '../../../packages/nodejs/src/join-gate.ts';
import type { MediaLinkReason } from '../../../packages/nodejs/src/media/media-link-error.ts';
import { isRtcp } from '../../../packages/nodejs/src/media/rtp-packet.ts';
import type { ClientTransportOptions } from '../../../packages/nodejs/src/whip/client-transport.ts';
import { Players } from '../../../packages/nodejs/src/whip/players.ts';
import { Publishers } from '../../../packages/nodejs/src/whip/publishers.ts';
import {
  SessionEndpoint,
  type OpenSession,
  type SessionOpening,
  type SessionRequest,
  type SessionResponse,
  type SessionRole,
} from '../../../packages/nodejs/src/whip/session-endpoint.ts';
import { rtp, vp8 } from '../../../packages/nodejs/test/media/rtp-builder.ts';
import { chance, joinBytes, pick } from '../byte-mutations.ts';
import { demand, type FuzzSession, type FuzzTarget, type Size } from '../fuzz-target.ts';
import { FuzzChannels, ScriptedConnection } from './client-connections.ts';
import {
  drawnRequest,
  NAMED_SESSIONS,
  PLAYER_OFFERS,
  PUBLISHER_OFFERS,
  readRequest,
  STEADY_NAME,
  TOKEN,
  type NamedSession,
} from './whip-requests.ts';

/** The first bytes of an input: how much time passes, from where it comes, and what becomes of which connection. */
const HEAD_BYTES = 4;
/** A client has 20 s to connect, and 15 to 60 s to be silent in. */
const PAUSES_MS = [...Array.from({ length: 24 }, () => 0), 1, 10, 20, 20, 20, 40, 100, 400];
/** Drawn now and then: those that do not go on are forgotten. */
const LONG_PAUSE = 255;
const LONG_PAUSE_MS = 4_000;
const TICK_MS = 20;
const MAX_VIEWERS = 40;
/** As relays have it. */
const JOINS_PER_SECOND = 25;
/** Those of publishers (publishers.ts), and those of players. */
const MAX_SESSIONS = 100 + MAX_VIEWERS;
/** A publisher that is silent for 5 s may lose its name. */
const STEADY_EVERY_MS = 1_000;
/** RFC 9725, and what a relay has no room for. */
const STATUSES = [200, 201, 204, 400, 401, 403, 404, 405, 406, 409, 412, 413, 415, 422, 428, 503];

export const whipTarget: FuzzTarget = {
  name: 'whip',
  generate: (random) => {
    const fate = chance(random, 0.3) ? 128 + random.below(128) : random.below(128);
    const pause = chance(random, 0.003) ? LONG_PAUSE : random.below(PAUSES_MS.length);
    const head = Uint8Array.of(pause, random.below(256), fate, random.below(256));
    return joinBytes(head, drawnRequest(random));
  },
  open: () => WhipSession.create(),
};

class WhipSession implements FuzzSession {
  readonly #clock = new VirtualClock();
  readonly #refused = refusalCounter();
  readonly #channels = new FuzzChannels(this.#clock);
  readonly #connections = new Set<ScriptedConnection>();
  readonly #publishers: Publishers;
  readonly #players: Players;
  readonly #endpoint: SessionEndpoint;
  /** Those that inputs can name, the latest first. */
  readonly #named: NamedSession[] = [];
  /** Of the next connection. */
  #failure: MediaLinkReason | null = null;
  #opensAtOnce = true;
  #candidates = 0;
  #steady: SteadyPair | null = null;
  #steadyAt = 0;

  private constructor(relayKey: ConstructorParameters<typeof Publishers>[0]['relayKey']) {
    const shared = {
      channels: this.#channels,
      media: { client: (options: ConnectionOptions) => this.#connect(options).transport },
      clock: this.#clock,
      log: () => {},
      refused: this.#refused,
    };
    this.#publishers = new Publishers({ ...shared, token: TOKEN, state: () => 'open', relayKey });
    this.#players = new Players({
      ...shared,
      maxViewers: MAX_VIEWERS,
      gate: new JoinGate({ clock: this.#clock, joinsPerSecond: JOINS_PER_SECOND }),
      channelNamed: (name) => this.#publishers.channelNamed(name),
    });
    this.#endpoint = new SessionEndpoint({
      roles: { whip: this.#watched(this.#publishers), whep: this.#watched(this.#players) },
    });
  }

  static async create(): Promise<WhipSession> {
    const session = new WhipSession(await generateKeyPair('Ed25519'));
    session.#steady = await SteadyPair.open(session.#endpoint, () => [...session.#connections].at(-1));
    return session;
  }

  async feed(input: Uint8Array): Promise<string> {
    const [pause = 0, from = 0, fate = 0, which = 0] = input;
    await this.#pass(pause === LONG_PAUSE ? LONG_PAUSE_MS : (PAUSES_MS[pause % PAUSES_MS.length] ?? 0));
    this.#decide(fate, which, Buffer.from(input.subarray(HEAD_BYTES)));
    const text = Buffer.from(input.subarray(HEAD_BYTES)).toString('latin1');
    const request = { ...readRequest(text, this.#named), from: `203.0.113.${from % 8}` };
    this.#candidates = 0;
    const response = await this.#endpoint.handle(request);
    const outcome = checkedResponse(request, response, this.#named);
    demand(this.#candidates <= MAX_CANDIDATES, `${this.#candidates} candidates of one request`);
    demand(
      this.#refused.counts['candidate-native'] === undefined,
      'a candidate that is none got to the library',
    );
    if (response.status === 201) await this.#remember(response);
    if (outcome === 'ended') this.#forget(request.path);
    return outcome;
  }

  sizes(): readonly Size[] {
    return [
      { name: 'sessions', size: this.#endpoint.size, most: MAX_SESSIONS },
      { name: 'connections', size: this.#connections.size, most: MAX_SESSIONS },
      { name: 'players', size: this.#channels.players, most: MAX_VIEWERS },
      { name: 'timers', size: this.#clock.pending, most: 4 * MAX_SESSIONS },
      { name: 'reasons of refusal', size: Object.keys(this.#refused.counts).length, most: 30 },
    ];
  }

  async close(): Promise<void> {
    this.#players.close();
    await this.#publishers.close();
    demand(this.#connections.size === 0, `${this.#connections.size} connections are left`);
    demand(this.#clock.pending === 0, `${this.#clock.pending} timers are left`);
  }

  async #pass(ms: number): Promise<void> {
    this.#clock.advance(ms);
    if (ms >= TICK_MS) this.#channels.tick();
    const now = this.#clock.now();
    if (now - this.#steadyAt < STEADY_EVERY_MS) return;
    this.#steadyAt = now;
    await this.#steady?.goOn(now);
  }

  #connect(options: ConnectionOptions): ScriptedConnection {
    const connection = new ScriptedConnection(options, {
      clock: this.#clock,
      counts: this.#refused,
      failure: this.#failure,
      onClosed: () => this.#connections.delete(connection),
    });
    this.#failure = null;
    this.#connections.add(connection);
    return connection;
  }

  /** What the network does meanwhile. Of the two that go on nothing is decided. */
  #decide(fate: number, which: number, bytes: Buffer): void {
    this.#opensAtOnce = fate % 4 !== 0;
    if (fate < 128) return;
    const others = [...this.#connections].filter((one) => this.#steady?.has(one) !== true);
    const connection = others[which % Math.max(1, others.length)];
    if (fate >= 232) this.#failure = pick({ next: () => 0, below: (n) => which % n }, FAILURES);
    else if (fate >= 224) connection?.close();
    else if (fate >= 200) connection?.receive(bytes);
    else connection?.open();
  }

  /** Notes what a session is asked to do. */
  #watched(role: SessionRole): SessionRole {
    const open = async (opening: SessionOpening): Promise<OpenSession> => {
      const session = await role.open(opening);
      const chooses = session.chooseLayer !== undefined;
      return {
        ...session,
        addCandidate: (candidate) => {
          this.#candidates++;
          session.addCandidate(candidate);
        },
        ...(chooses
          ? {
              chooseLayer: (layer: number): void => {
                demand(Number.isInteger(layer) && layer >= 0 && layer < MAX_LAYERS, `layer ${layer}`);
                session.chooseLayer?.(layer);
              },
            }
          : {}),
      };
    };
    return { token: role.token, open };
  }

  #forget(path: string): void {
    const index = this.#named.findIndex((one) => one.path === path);
    if (index >= 0) this.#named.splice(index, 1);
  }

  async #remember({ headers }: SessionResponse): Promise<void> {
    this.#named.unshift({ path: String(headers['Location']), etag: String(headers['ETag']) });
    this.#named.length = Math.min(this.#named.length, NAMED_SESSIONS);
    if (!this.#opensAtOnce) return;
    [...this.#connections].at(-1)?.open();
    // The record of a channel is signed meanwhile.
    await turn();
  }
}

type ConnectionOptions = Pick<ClientTransportOptions, 'direction' | 'allowance'>;

const FAILURES: readonly MediaLinkReason[] = ['too-many-connecting', 'closed', 'native'];
/** What sdp-fragment.ts takes of one request. */
const MAX_CANDIDATES = 512;

/** @throws {FuzzFailure} When the answer is not one of those that RFC 9725 knows, or was not earned. */
function checkedResponse(
  { method, path, headers }: Pick<SessionRequest, 'method' | 'path' | 'headers'>,
  { status, headers: answered, body }: SessionResponse,
  sessions: readonly NamedSession[],
): string {
  demand(STATUSES.includes(status), `status ${status}`);
  for (const [name, value] of Object.entries(answered)) {
    for (const one of [value].flat()) demand(/^[\x20-\x7e]{0,400}$/.test(one), `header ${name}: ${one}`);
  }
  if (status >= 400) {
    demand(/^[\x20-\x7e]{1,200}\n$/.test(body), `the body of a refusal: ${body.slice(0, 300)}`);
    return String(status);
  }
  if (status === 201) return checkedOpening(path, headers, answered, body);
  demand(body === '', 'a body where there is none');
  if (method === 'OPTIONS') return 'preflight';
  const session = sessions.find((one) => path === one.path || path === `${one.path}/layer`);
  demand(session !== undefined, `${method} ${path} is no session, and was answered ${status}`);
  if (method === 'PATCH') {
    const match = headers['if-match'];
    const isRight = match === undefined ? path.startsWith('/whep/') : String(match) === session.etag;
    demand(isRight, `If-Match ${String(match)} for ${session.etag}`);
    return 'candidates';
  }
  return method === 'DELETE' ? 'ended' : 'layer';
}

function checkedOpening(
  path: string,
  { authorization }: SessionRequest['headers'],
  answered: SessionResponse['headers'],
  answer: string,
): string {
  const [, role = '', name = ''] = /^\/(whip|whep)\/([\w.-]{1,64})$/.exec(path) ?? [];
  demand(role !== '', `a session at ${path}`);
  const location = String(answered['Location']);
  demand(location.startsWith(`/${role}/${name}/`) && /\/[\w-]{24}$/.test(location), `Location ${location}`);
  demand(
    /^(?:[a-z]=[\x20-\x7e]{0,1000}\r\n){8,}$/.test(answer),
    `an answer that is none: ${answer.slice(0, 200)}`,
  );
  if (role === 'whep') return 'player';
  demand(AUTHORIZED.test(String(authorization)), `published with ${String(authorization)}`);
  return 'publisher';
}

const AUTHORIZED = new RegExp(`^bearer +${TOKEN} *$`, 'i');

/** A publisher and its player, whose pictures have to arrive, whatever others ask for. */
class SteadyPair {
  readonly #endpoint: SessionEndpoint;
  readonly #publisher: ScriptedConnection;
  readonly #player: ScriptedConnection;
  readonly #path: string;
  #count = 0;
  #arrived = 0;

  private constructor(
    endpoint: SessionEndpoint,
    { publisher, player, path }: { publisher: ScriptedConnection; player: ScriptedConnection; path: string },
  ) {
    this.#endpoint = endpoint;
    this.#publisher = publisher;
    this.#player = player;
    this.#path = path;
    player.onSent = (bytes) => {
      if (!isRtcp(bytes)) this.#arrived++;
    };
  }

  static async open(
    endpoint: SessionEndpoint,
    connected: () => ScriptedConnection | undefined,
  ): Promise<SteadyPair> {
    const join = async (role: 'whip' | 'whep', offer: string): Promise<[ScriptedConnection, string]> => {
      const headers = { 'content-type': 'application/sdp', authorization: `Bearer ${TOKEN}` };
      const request = { method: 'POST', path: `/${role}/${STEADY_NAME}`, headers, from: '198.51.100.1' };
      const response = await endpoint.handle({ ...request, body: Buffer.from(offer) });
      const connection = connected();
      demand(
        response.status === 201 && connection !== undefined,
        `the steady ${role} was told ${response.body}`,
      );
      connection.open();
      await turn();
      return [connection, String(response.headers['Location'])];
    };
    const [publisher] = await join('whip', PUBLISHER_OFFERS[0] ?? '');
    const [player, path] = await join('whep', PLAYER_OFFERS[0] ?? '');
    return new SteadyPair(endpoint, { publisher, player, path });
  }

  has(connection: ScriptedConnection): boolean {
    return connection === this.#publisher || connection === this.#player;
  }

  /** One more picture; and the player asks for a layer. */
  async goOn(now: number): Promise<void> {
    const payload = vp8({ key: true, pictureId: this.#count, tl0: this.#count });
    const timestamp = Math.round(now * 90);
    const picture = { payloadType: 96, ssrc: 1, sequence: this.#count++, timestamp, marker: true, payload };
    this.#publisher.receive(rtp(picture));
    // An empty report: it is still there.
    this.#player.receive(Buffer.from([0x80, 201, 0, 1, 0, 0, 0, 1]));
    demand(
      this.#arrived >= this.#count,
      `${this.#arrived} of ${this.#count} pictures came to the steady player`,
    );
    const { status } = await this.#endpoint.handle({
      method: 'POST',
      path: `${this.#path}/layer`,
      headers: { 'content-type': 'application/json' },
      body: Buffer.from('{"encodingId":"0"}'),
      from: '198.51.100.1',
    });
    demand(status === 200, `the steady player was told ${status}`);
  }
}
