/** All of a relay that WHIP and WHEP clients meet: the sessions, and the endpoint that makes them. */

import type { PrivateKey } from '@libp2p/interface';
import type { Clock, RefusalCounter } from '@casto/host';
import type { JoinGate } from '../join-gate.ts';
import type { NodeMediaLinks } from '../media/media-links.ts';
import type { RelayChannels } from '../relay-channels.ts';
import type { RelayLog } from '../relay-log.ts';
import { Players } from './players.ts';
import { Publishers } from './publishers.ts';
import {
  SessionEndpoint,
  type SessionRequest,
  type SessionResponse,
  type SessionResults,
} from './session-endpoint.ts';

export interface ClientSessionsOptions {
  /** Asked of publishers; `null`: anybody may publish. */
  readonly publishToken: string | null;
  readonly maxViewers: number;
  /** The relay's identity. */
  readonly relayKey: PrivateKey;
  readonly channels: RelayChannels;
  /** The same for players and joins. */
  readonly gate: JoinGate;
  readonly media: Pick<NodeMediaLinks, 'client'>;
  readonly clock: Clock;
  readonly log: RelayLog;
  readonly refused: RefusalCounter;
  /** For the encoders of one publisher. */
  readonly maxBitrateBps?: number;
}

export class ClientSessions {
  readonly #publishers: Publishers;
  readonly #players: Players;
  readonly #endpoint: SessionEndpoint;
  #isDraining = false;

  constructor(options: ClientSessionsOptions) {
    const { publishToken: token, maxViewers } = options;
    this.#publishers = new Publishers({
      ...options,
      token,
      state: () => (maxViewers === 0 ? 'closed' : this.#isDraining ? 'draining' : 'open'),
    });
    const channelNamed = (name: string): ReturnType<Publishers['channelNamed']> =>
      this.#publishers.channelNamed(name);
    this.#players = new Players({ ...options, channelNamed });
    this.#endpoint = new SessionEndpoint({ roles: { whip: this.#publishers, whep: this.#players } });
  }

  /** How requests for sessions ended, since the start. */
  get results(): { readonly publishers: SessionResults; readonly players: SessionResults } {
    return { publishers: this.#endpoint.results('whip'), players: this.#endpoint.results('whep') };
  }

  /** Answers a request of a client. */
  handle(request: SessionRequest): Promise<SessionResponse> {
    return this.#endpoint.handle(request);
  }

  /** Takes no publisher from here on; players are refused by the channels. */
  drain(): void {
    this.#isDraining = true;
  }

  /** Ends all sessions. What is published goes with the relay's channels. Idempotent. */
  async close(): Promise<void> {
    this.#players.close();
    await this.#publishers.close();
  }
}
