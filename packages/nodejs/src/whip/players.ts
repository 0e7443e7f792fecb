/** Those who watch by WHEP. They count as viewers, and there may be as many as the relay serves. */

import { isPeerId, type ChannelId, type ChannelRecord } from '@casto/core';
import { SessionDescriptionError, type Clock, type CodecName, type RefusalCounter } from '@casto/host';
import type { JoinGate } from '../join-gate.ts';
import type { NodeMediaLinks } from '../media/media-links.ts';
import type { RelayChannels } from '../relay-channels.ts';
import type { RelayLog } from '../relay-log.ts';
import { readClientOffer, type ClientOffer } from './client-offer.ts';
import { PLAYER_ALLOWANCE, PlayerSession } from './player-session.ts';
import { refusalOf } from './publishers.ts';
import type { OpenSession, SessionOpening, SessionRole } from './session-endpoint.ts';
import { SessionLimit } from './session-limit.ts';
import { overloaded, SessionRefusal } from './session-refusal.ts';

/** A school or an office behind one address. */
const MAX_PLAYERS_PER_NETWORK = 100;
const RETRY_AFTER_S = 5;

export interface PlayersOptions {
  readonly maxViewers: number;
  readonly channels: Pick<RelayChannels, 'play'>;
  /** Each player costs a search and a connection, as each join does. */
  readonly gate: Pick<JoinGate, 'enter'>;
  /** The channel that is published here under a name, `null` when there is none. */
  readonly channelNamed: (name: string) => ChannelId | null;
  readonly media: Pick<NodeMediaLinks, 'client'>;
  readonly clock: Clock;
  readonly log: RelayLog;
  readonly refused: RefusalCounter;
}

export class Players implements SessionRole {
  /** Anybody may watch, as in the tree. */
  readonly token = null;
  readonly #options: PlayersOptions;
  readonly #sessions = new Set<PlayerSession>();
  readonly #limit: SessionLimit;

  constructor(options: PlayersOptions) {
    this.#options = options;
    this.#limit = new SessionLimit({ all: options.maxViewers, perNetwork: MAX_PLAYERS_PER_NETWORK });
  }

  async open(opening: SessionOpening): Promise<OpenSession> {
    const { maxViewers, channelNamed, refused } = this.#options;
    if (maxViewers === 0) throw new SessionRefusal(403, 'This relay carries no media.');
    // Before anything is pulled for an offer that is of no use.
    readOffer(opening.sdp, () => true);
    const channel = isPeerId(opening.name) ? opening.name : channelNamed(opening.name);
    if (channel === null) throw notFound();
    const leave = this.#limit.enter(opening.from);
    if (leave === null) {
      refused.count('whep:full');
      throw overloaded('There are too many viewers.', RETRY_AFTER_S);
    }
    try {
      this.#assertFew();
      return await this.#openIn(channel, { ...opening, leave });
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** Ends all sessions. Idempotent. */
  close(): void {
    for (const session of this.#sessions) session.end();
  }

  #assertFew(): void {
    const { gate, refused } = this.#options;
    const retryAfterMs = gate.enter();
    if (retryAfterMs === null) return;
    refused.count('whep:too-many');
    throw overloaded('Too many come at once.', Math.ceil(retryAfterMs / 1_000));
  }

  async #openIn(
    channel: ChannelId,
    { sdp, onClosed, leave }: SessionOpening & { leave: () => void },
  ): Promise<OpenSession> {
    const { channels, media, clock, refused, log } = this.#options;
    const place = await channels.play(channel);
    if (place === 'full') throw overloaded('This relay has no room.', RETRY_AFTER_S);
    if (place === 'none') throw notFound();
    const { signed, seat } = place;
    try {
      const offer = offerFor(signed.record, sdp);
      const transport = media.client({ direction: 'SendOnly', allowance: PLAYER_ALLOWANCE });
      const session = new PlayerSession({
        offer,
        transport,
        seat,
        clock,
        counts: refused,
        onClosed: () => {
          this.#sessions.delete(session);
          log('debug', 'player-left', { channel });
          leave();
          onClosed();
        },
      });
      this.#sessions.add(session);
      return await this.#answer(session, channel, offer);
    } catch (error) {
      seat.leave();
      throw refusalOf(error);
    }
  }

  async #answer(session: PlayerSession, channel: ChannelId, offer: ClientOffer): Promise<OpenSession> {
    try {
      const answer = await session.answer();
      this.#options.log('debug', 'player-came', { channel });
      return {
        channel,
        answer,
        usernameFragment: offer.transport.ice.usernameFragment,
        addCandidate: (candidate) => session.addCandidate(candidate),
        chooseLayer: (layer) => session.chooseLayer(layer),
        end: () => session.end(),
      };
    } catch (error) {
      session.end();
      throw error;
    }
  }
}

/** @throws {SessionDescriptionError} `bad-codec`, when pictures are wanted that the player cannot decode. */
function offerFor({ video, audio }: ChannelRecord, sdp: string): ClientOffer {
  const offer = readClientOffer(sdp, 'player', (codec) => (codec === 'opus' ? audio : codec === video));
  const isWithoutPicture = offer.sections.some(({ kind, codec }) => kind === 'video' && codec === null);
  if (video !== null && isWithoutPicture) {
    throw new SessionDescriptionError('bad-codec', `the channel is broadcast as ${video}`);
  }
  return offer;
}

function readOffer(sdp: string, carries: (codec: CodecName) => boolean): ClientOffer {
  try {
    return readClientOffer(sdp, 'player', carries);
  } catch (error) {
    throw refusalOf(error);
  }
}

function notFound(): SessionRefusal {
  return new SessionRefusal(404, 'Nobody broadcasts this channel.');
}
