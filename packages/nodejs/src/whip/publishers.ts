/** Those who publish to this relay by WHIP: one session for each name, not too many, and not too many from one place. */

import { SessionDescriptionError, type Clock, type RefusalCounter } from '@casto/host';
import type { PrivateKey } from '@libp2p/interface';
import type { ChannelId } from '@casto/core';
import { MediaLinkError } from '../media/media-link-error.ts';
import type { NodeMediaLinks } from '../media/media-links.ts';
import type { RelayLog } from '../relay-log.ts';
import { channelKey } from './channel-keys.ts';
import type { ClientTransport } from './client-transport.ts';
import { readClientOffer, type ClientOffer } from './client-offer.ts';
import { Publication, type PublishedChannels } from './publication.ts';
import { PUBLISHER_ALLOWANCE, PublisherSession } from './publisher-session.ts';
import { SessionLimit } from './session-limit.ts';
import type { OpenSession, SessionOpening, SessionRole } from './session-endpoint.ts';
import { overloaded, SessionRefusal } from './session-refusal.ts';

/** Each costs its bitrate of downlink, and 6 MB for the packets of each layer of its video. */
const MAX_PUBLISHERS = 100;
const MAX_PUBLISHERS_PER_NETWORK = 16;
/** A session that nothing came from for this long does not keep its name from another. */
const STALE_MS = 5_000;
const RETRY_AFTER_S = 5;

export interface PublishersOptions {
  readonly token: string | null;
  /** Whether this relay carries media at all, and is not about to leave. */
  readonly state: () => 'open' | 'closed' | 'draining';
  readonly relayKey: PrivateKey;
  readonly channels: PublishedChannels;
  readonly media: Pick<NodeMediaLinks, 'client'>;
  readonly clock: Clock;
  readonly log: RelayLog;
  readonly refused: RefusalCounter;
  /** For a publisher's encoders, over all its streams; with a value, more than twice as much ends its session. */
  readonly maxBitrateBps?: number;
}

/** What goes on under one name. */
interface Place {
  readonly publication: Publication;
  session: PublisherSession | null;
  /** The session that was closed last, while no other goes on. */
  left: PublisherSession | null;
}

export class Publishers implements SessionRole {
  readonly #options: PublishersOptions;
  readonly #places = new Map<string, Place>();
  /** Also of places that are over: a session may come up at the moment at which nobody waits for it any more. */
  readonly #sessions = new Set<PublisherSession>();
  #epoch = 0;
  readonly #limit = new SessionLimit({ all: MAX_PUBLISHERS, perNetwork: MAX_PUBLISHERS_PER_NETWORK });

  constructor(options: PublishersOptions) {
    this.#options = options;
  }

  get token(): string | null {
    return this.#options.token;
  }

  async open(opening: SessionOpening): Promise<OpenSession> {
    const { state, refused } = this.#options;
    if (state() === 'closed') throw new SessionRefusal(403, 'This relay carries no media.');
    if (state() === 'draining') throw overloaded('This relay is about to stop.', RETRY_AFTER_S);
    const offer = readOffer(() => readClientOffer(opening.sdp, 'publisher', () => true));
    const leave = this.#limit.enter(opening.from);
    if (leave === null) {
      refused.count('whip:full');
      throw overloaded('There are too many publishers.', RETRY_AFTER_S);
    }
    try {
      return await this.#openIn(await this.#place(opening.name), offer, { ...opening, leave });
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** The channel that is published under a name, `null` when there is none. */
  channelNamed(name: string): ChannelId | null {
    return this.#places.get(name)?.publication.channel ?? null;
  }

  /** Ends all sessions, and leaves their channels to the relay to close: publishers come back to it. Idempotent. */
  async close(): Promise<void> {
    const publications = [...this.#places.values()].map(({ publication }) => publication);
    for (const session of this.#sessions) session.close();
    await Promise.all(publications.map((publication) => publication.abandon()));
  }

  async #openIn(
    place: Place,
    offer: ClientOffer,
    { name, onClosed, leave }: SessionOpening & { leave: () => void },
  ): Promise<OpenSession> {
    const { clock, refused, log, maxBitrateBps } = this.#options;
    this.#assertFree(place);
    const { publication } = place;
    const transport = this.#connect(place);
    const session = new PublisherSession({
      offer,
      transport,
      publication,
      epoch: this.#nextEpoch(),
      clock,
      counts: refused,
      ...(maxBitrateBps === undefined ? {} : { maxBitrateBps }),
      onClosed: () => {
        this.#sessions.delete(session);
        if (place.session === session) place.session = null;
        place.left = session;
        log('info', 'publisher-left', { channel: publication.channel, name });
        leave();
        onClosed();
      },
    });
    this.#sessions.add(session);
    place.session = session;
    place.left = null;
    try {
      const answer = await session.answer();
      log('info', 'publisher-came', { channel: publication.channel, name });
      return {
        channel: publication.channel,
        answer,
        usernameFragment: offer.transport.ice.usernameFragment,
        addCandidate: (candidate) => session.addCandidate(candidate),
        end: () => {
          session.end();
          // Nobody waits for it to come back.
          if (place.left === session) void publication.end();
        },
      };
    } catch (error) {
      session.close();
      throw refusalOf(error);
    }
  }

  #connect({ publication }: Place): ClientTransport {
    try {
      return this.#options.media.client({ direction: 'RecvOnly', allowance: PUBLISHER_ALLOWANCE });
    } catch (error) {
      publication.lose();
      throw refusalOf(error);
    }
  }

  /** A later broadcast of a channel has a higher epoch, even within the same second. */
  #nextEpoch(): number {
    this.#epoch = Math.max(this.#epoch + 1, Math.floor(this.#options.clock.now() / 1000));
    return this.#epoch;
  }

  #assertFree({ session }: Place): void {
    if (session === null) return;
    if (this.#options.clock.now() - session.heardAt < STALE_MS) {
      this.#options.refused.count('whip:name-taken');
      throw new SessionRefusal(409, 'Somebody else publishes under this name.', {
        'Retry-After': String(RETRY_AFTER_S),
      });
    }
    session.close();
  }

  async #place(name: string): Promise<Place> {
    const { relayKey, channels, clock, log } = this.#options;
    const key = await channelKey(relayKey, name);
    const known = this.#places.get(name);
    if (known !== undefined) return known;
    const place: Place = {
      session: null,
      left: null,
      publication: new Publication({
        name,
        key,
        channels,
        clock,
        onOver: () => {
          if (this.#places.get(name) === place) this.#places.delete(name);
        },
        onError: (error) => log('warn', 'publish-failed', { channel: key.channel, error: String(error) }),
      }),
    };
    this.#places.set(name, place);
    return place;
  }
}

function readOffer(read: () => ClientOffer): ClientOffer {
  try {
    return read();
  } catch (error) {
    throw refusalOf(error);
  }
}

/** As a refusal, what an offer or a connection came to grief on; anything else as it is. */
export function refusalOf(error: unknown): unknown {
  if (error instanceof SessionDescriptionError) {
    const { reason, message } = error;
    if (reason === 'malformed' || reason === 'too-large') return new SessionRefusal(400, message);
    return new SessionRefusal(reason === 'bad-codec' ? 406 : 422, message);
  }
  if (error instanceof MediaLinkError) {
    if (error.reason === 'native')
      return new SessionRefusal(422, 'No connection can be made for this offer.');
    return overloaded('There are too many connections in the making.', RETRY_AFTER_S);
  }
  return error;
}
