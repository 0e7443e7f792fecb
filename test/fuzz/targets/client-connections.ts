/**
 * What stands behind WHIP and WHEP sessions when they are fuzzed: connections without a native library, whose fate the
 * fuzzer decides, and the channels of a relay as far as sessions know them.
 */

import type { ChannelId } from '@casto/core';
import { readDtlsIce, type Clock, type RefusalCounter, type SignedRecord } from '@casto/host';
import type { PeerConnection } from 'node-datachannel';
import { chromiumAnswer } from '../../../packages/host/test/fixtures/chromium.ts';
import type { ChannelIngest } from '../../../packages/nodejs/src/channel-ingest.ts';
import { ChannelPlayers, type PlayerSeat } from '../../../packages/nodejs/src/channel-players.ts';
import { createHub, type Hub } from '../../../packages/nodejs/src/media/hub.ts';
import { MediaLinkError, type MediaLinkReason } from '../../../packages/nodejs/src/media/media-link-error.ts';
import { RemoteCandidates } from '../../../packages/nodejs/src/media/remote-candidates.ts';
import type {
  ClientTransport,
  ClientTransportListener,
  ClientTransportOptions,
} from '../../../packages/nodejs/src/whip/client-transport.ts';
import type { PublishedChannels } from '../../../packages/nodejs/src/whip/publication.ts';
import { demand } from '../fuzz-target.ts';

/** As client-transport.ts gives a client that does not connect up. */
const CONNECT_MS = 20_000;
/** Of a relay whose channels are all in use. */
const MAX_CHANNELS = 12;
/** What the library would write; the candidates do not matter here. */
const NATIVE = { ...readDtlsIce(chromiumAnswer, 16 * 1024), candidates: [] };

/** One connection, in place of that of client-transport.ts. */
export class ScriptedConnection {
  listener: ClientTransportListener | null = null;
  state: 'connecting' | 'connected' | 'closed' = 'connecting';
  /** Hears what is sent to the client. */
  onSent: (bytes: Buffer) => void = () => {};
  readonly direction: 'SendOnly' | 'RecvOnly';
  readonly #candidates: RemoteCandidates;
  readonly #cancelDeadline: () => void;
  readonly #onClosed: () => void;
  readonly #failure: MediaLinkReason | null;

  constructor(
    { direction }: Pick<ClientTransportOptions, 'direction'>,
    {
      clock,
      counts,
      failure,
      onClosed,
    }: { clock: Clock; counts: RefusalCounter; failure: MediaLinkReason | null; onClosed: () => void },
  ) {
    this.direction = direction;
    this.#failure = failure;
    this.#onClosed = onClosed;
    const library = { addRemoteCandidate: demandCandidate } as unknown as PeerConnection;
    this.#candidates = new RemoteCandidates(library, counts);
    this.#cancelDeadline = clock.setTimer(() => this.close(), CONNECT_MS);
  }

  get transport(): ClientTransport {
    return this as unknown as ClientTransport;
  }

  stats(): ReturnType<ClientTransport['stats']> {
    return this.listener?.traffic() ?? {};
  }

  async answer(
    _: Parameters<ClientTransport['answer']>[0],
    candidates: readonly string[],
  ): ReturnType<ClientTransport['answer']> {
    await Promise.resolve();
    if (this.#failure !== null) throw new MediaLinkError(this.#failure, 'as the fuzzer wants it');
    for (const candidate of candidates) this.addCandidate(candidate);
    return NATIVE;
  }

  addCandidate(text: string): void {
    if (this.state !== 'closed') this.#candidates.add(text);
  }

  readonly send = (bytes: Buffer): boolean => {
    if (this.state === 'closed') return false;
    this.onSent(bytes);
    return true;
  };

  /** The client has connected. */
  open(): void {
    if (this.state !== 'connecting') return;
    this.state = 'connected';
    this.#cancelDeadline();
    this.listener?.onOpen();
  }

  receive(bytes: Buffer): void {
    if (this.state === 'connected') this.listener?.onMedia(bytes);
  }

  close(): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.#cancelDeadline();
    this.#onClosed();
    this.listener?.onClosed();
    this.listener = null;
  }
}

/** What reaches the library is one line of a few kinds. */
function demandCandidate(candidate: string): void {
  demand(
    /^(?:a=)?candidate:[\x21-\x7e]+(?: [\x21-\x7e]+){6,40}$/.test(candidate),
    `to the library: ${candidate}`,
  );
}

interface Channel {
  readonly signed: SignedRecord;
  readonly hub: Hub;
  readonly players: ChannelPlayers;
}

export class FuzzChannels implements PublishedChannels {
  readonly #clock: Clock;
  readonly #channels = new Map<ChannelId, Channel & { readonly ingest: ChannelIngest }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#channels.size;
  }

  get players(): number {
    return [...this.#channels.values()].reduce((sum, { players }) => sum + players.size, 0);
  }

  async publish(signed: SignedRecord, ingest: ChannelIngest): Promise<boolean> {
    const { channel } = signed.record;
    const known = this.#channels.get(channel);
    if (known === undefined && this.#channels.size >= MAX_CHANNELS) return false;
    const hub = known?.hub ?? createHub({ now: () => this.#clock.now() });
    const players = known?.players ?? new ChannelPlayers(hub, () => {});
    this.#channels.set(channel, { signed, hub, players, ingest });
    if (known?.ingest !== ingest) ingest.open(hub);
    return true;
  }

  async unpublish({ record }: SignedRecord): Promise<void> {
    const known = this.#channels.get(record.channel);
    this.#channels.delete(record.channel);
    known?.players.close();
    known?.hub.close();
  }

  async play(channel: ChannelId): Promise<{ signed: SignedRecord; seat: PlayerSeat } | 'full' | 'none'> {
    const known = this.#channels.get(channel);
    return known === undefined ? 'none' : { signed: known.signed, seat: known.players.enter() };
  }

  /** As the relay does every 20 ms. */
  tick(): void {
    const now = this.#clock.now();
    for (const { ingest, hub } of this.#channels.values()) {
      ingest.tick(now);
      hub.tick(now);
    }
  }
}
