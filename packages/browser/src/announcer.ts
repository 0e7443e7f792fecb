/** A streamer's word to its relay: that the channel is live, with what, and where viewers reach the page itself. */

import type { Connection, Libp2p, PrivateKey } from '@libp2p/interface';
import {
  ANNOUNCE_MS,
  RECORD_LIFETIME_MS,
  reconnectWaitMs,
  type ChannelRecord,
  type PeerId,
} from '@casto/core';
import { AnnounceError, signRecord, type SignedRecord } from '@casto/host';
import { CastoError, toCastoError } from './errors.ts';
import type { DirectoryPresence } from './directory-presence.ts';
import { wait } from './page-peer.ts';
import { connectRelay, type RelaySession } from './relay-session.ts';
import type { PageContext } from './role.ts';

/** A relay that took the announcement asks for the media at once; the handshake takes about 0.3 s. */
const RELAY_JOIN_MS = 12_000;

export interface AnnouncerOptions {
  context: PageContext;
  libp2p: Libp2p;
  privateKey: PrivateKey;
  self: PeerId;
  epoch: number;
  /** What is broadcast; known once the source is captured. */
  broadcast: Pick<ChannelRecord, 'video' | 'audio'>;
  signal: AbortSignal;
  hasChild: (peerId: PeerId) => boolean;
  presence: DirectoryPresence;
}

export class Announcer {
  readonly #options: AnnouncerOptions;
  #session: RelaySession | null = null;
  /** The relay that took the latest announcement. */
  #taker: RelaySession | null = null;
  #sequence = 0;
  #relayJoined: (() => void) | null = null;

  constructor(options: AnnouncerOptions) {
    this.#options = options;
  }

  /** To the relay that has taken the announcement, while it is open. */
  get connection(): Connection | null {
    return this.#taker?.isOpen === true ? this.#taker.connection : null;
  }

  /** A relay has attached as a child. */
  relayJoined(): void {
    this.#relayJoined?.();
  }

  /** The broadcast is over. Never rejects. */
  async end(): Promise<void> {
    const session = this.#session;
    if (session?.isOpen) await this.#announce(session, false).catch(() => {});
  }

  /** Connects to a relay, announces, and waits until the relay takes the media, if it is one that does. */
  async goLive(): Promise<void> {
    const { context, libp2p, signal } = this.#options;
    const session = await connectRelay(libp2p, context.targets, signal);
    this.#session = session;
    try {
      const joined = this.#nextRelayChild();
      const { carries } = await this.#announce(session, true);
      const { presence } = this.#options;
      await presence.answerProbes(session);
      // A relay that carries the channel needs no other parents for its viewers.
      if (context.settings.maxChildren > 0) {
        await (carries ? presence.reserveCircuit(session) : presence.appear(session));
      }
      if (carries && !this.#hasRelayChild()) await joined;
    } catch (error) {
      await session.close();
      throw announceFailure(error);
    }
  }

  #hasRelayChild(): boolean {
    return this.#session !== null && this.#options.hasChild(this.#session.relayId);
  }

  /** Resolves when a relay has attached as a child. */
  #nextRelayChild(): Promise<void> {
    const { signal } = this.#options;
    const timeout = AbortSignal.timeout(RELAY_JOIN_MS);
    const joined = new Promise<void>((resolve, reject) => {
      this.#relayJoined = resolve;
      timeout.addEventListener('abort', () =>
        reject(new CastoError('timed-out', 'the relay took the announcement but not the media')),
      );
      signal.addEventListener('abort', () => reject(new CastoError('aborted', 'stopped while going live')));
    });
    // Not awaited when the relay only introduces.
    joined.catch(() => {});
    return joined;
  }

  /** Announces anew while the relay is there, and finds another when it is not. */
  async stayLive(): Promise<void> {
    const { context, signal } = this.#options;
    for (let attempt = 0; !signal.aborted;) {
      try {
        if (!this.#session?.isOpen) {
          await this.goLive();
          context.emit('live', { channel: this.#options.self });
        }
        attempt = 0;
        await this.#untilAnnouncement(signal);
        if (this.#session?.isOpen) await this.#announce(this.#session, true);
      } catch (error) {
        if (signal.aborted) return;
        const failure = toCastoError(error, 'no-relay', 'the relay was lost');
        context.emit('error', failure);
        await this.#session?.close();
        await wait(reconnectWaitMs(attempt++, Math.random()), signal).catch(() => {});
      }
    }
  }

  /** Waits for the next announcement, or for the loss of the relay. */
  #untilAnnouncement(signal: AbortSignal): Promise<void> {
    const session = this.#session;
    return new Promise((resolve) => {
      const cancel = this.#options.context.worker.clock.setTimer(resolve, ANNOUNCE_MS);
      const done = (): void => {
        cancel();
        resolve();
      };
      if (session) session.onClosed = done;
      signal.addEventListener('abort', done, { once: true });
      if (!session?.isOpen) done();
    });
  }

  async #announce(session: RelaySession, live: boolean): Promise<{ carries: boolean }> {
    const signed = await this.sign(live);
    const rendezvous = await session.rendezvous();
    const answer = await rendezvous.announce(signed.bytes, session.target.token);
    this.#taker = session;
    return answer;
  }

  /** The channel's record as it is. */
  async sign(live: boolean): Promise<SignedRecord> {
    return signRecord(this.#options.privateKey, this.#record(live));
  }

  #record(live: boolean): ChannelRecord {
    const { context, self, epoch, broadcast } = this.#options;
    const { settings, worker } = context;
    const now = Math.floor(worker.clock.now());
    // A clock set back must not make this streamer's news look old.
    this.#sequence = Math.max(this.#sequence + 1, now);
    const { video, audio } = broadcast;
    return {
      channel: self,
      epoch,
      sequence: this.#sequence,
      expiresAt: now + RECORD_LIFETIME_MS,
      title: settings.title,
      app: settings.app,
      video,
      layers: video === null ? 0 : settings.layers,
      audio,
      live,
      listed: settings.listed,
    };
  }
}

function announceFailure(error: unknown): CastoError {
  if (!(error instanceof AnnounceError)) return toCastoError(error, 'no-relay', 'the relay was lost');
  switch (error.reason) {
    case 'not-allowed':
      return new CastoError('no-permission', 'the relay asks for a publish token', { cause: error });
    case 'full':
      return new CastoError('relay-full', 'the relay takes no more channels', { cause: error });
    default:
      return new CastoError('protocol', `the relay refused the channel: ${error.reason}`, { cause: error });
  }
}
