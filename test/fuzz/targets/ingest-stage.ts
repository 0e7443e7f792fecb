/**
 * One publisher as a relay takes it in, without its connection: a session, the hub of its channel, and for each stream
 * a child of the tree and a player, who both check what they are sent.
 */

import { splitTrailer } from '@casto/core';
import type { Clock, RefusalCounter } from '@casto/host';
import { turn } from '@casto/host/conformance/virtual-clock';
import { ChannelIngest } from '../../../packages/nodejs/src/channel-ingest.ts';
import { createHub, type Hub } from '../../../packages/nodejs/src/media/hub.ts';
import { wishFor } from '../../../packages/nodejs/src/media/layer-choice.ts';
import { hasMarker, isRtcp, RTP_HEADER_BYTES } from '../../../packages/nodejs/src/media/rtp-packet.ts';
import { createRtpSink, type RtpSink } from '../../../packages/nodejs/src/media/rtp-sink.ts';
import type { MediaCodec } from '../../../packages/nodejs/src/media/rtp-source.ts';
import { nameOf, type ClientOffer } from '../../../packages/nodejs/src/whip/client-offer.ts';
import type { Publication } from '../../../packages/nodejs/src/whip/publication.ts';
import { PublisherSession } from '../../../packages/nodejs/src/whip/publisher-session.ts';
import { stripTrailer } from '../../../packages/nodejs/src/whip/trailer-stripper.ts';
import { demand } from '../fuzz-target.ts';
import { ScriptedConnection } from './client-connections.ts';
import { demandRtcp, demandSendable } from './media-stage.ts';

const EPOCH = 1_700_000_000;
const FIRST_CHILD_SSRC = 0x100;
const FIRST_PLAYER_SSRC = 0x200;
/** Frames are not told to be older when their first packet comes (capture-clock.ts). */
const MAX_AGE_MS = 5_000;
/** What may wait behind one lost packet (packet-order.ts), with its trailers, for a child and a player. */
const MAX_SENT_PER_INPUT = 2 * 2 * 1_024;

/** What can be sent to one of its sections. */
export interface TakenSection {
  readonly codec: MediaCodec;
  readonly payloadType: number;
  readonly clockRate: number;
  /** Of the streams of a simulcast; one without a name else. */
  readonly rids: readonly (string | null)[];
}

export class IngestStage {
  readonly sections: readonly TakenSection[];
  /** The last sequence that each SSRC has sent. */
  readonly sent = new Map<number, number>();
  /** Packets that each child has been sent, by stream. */
  readonly #arrived = new Map<string, number>();
  readonly #offer: ClientOffer;
  readonly #clock: Clock;
  readonly #counts: RefusalCounter;
  readonly #frames = new Map<string, number>();
  #connection: ScriptedConnection | null = null;
  #session: PublisherSession | null = null;
  #ingest = new ChannelIngest(EPOCH);
  #hub: Hub | null = null;
  #sinks: RtpSink[] = [];
  #sentSinceInput = 0;
  #openedAt = 0;

  constructor(offer: ClientOffer, clock: Clock, counts: RefusalCounter) {
    this.#offer = offer;
    this.#clock = clock;
    this.#counts = counts;
    this.sections = offer.sections.flatMap(({ codec, simulcast }) =>
      codec === null
        ? []
        : [
            {
              codec: nameOf(codec),
              payloadType: codec.payloadType,
              clockRate: codec.clockRate,
              rids: simulcast?.rids ?? [null],
            },
          ],
    );
  }

  /** A publisher that is silent for long is closed; another one comes. */
  get isOpen(): boolean {
    return this.#session !== null;
  }

  async open(): Promise<void> {
    this.#openedAt = this.#clock.now();
    this.#ingest = new ChannelIngest(EPOCH);
    const hub = createHub({ now: () => this.#clock.now() });
    this.#hub = hub;
    this.#ingest.open(hub);
    this.#sinks = this.sections.flatMap((section) => this.#viewersOf(section));
    for (const sink of this.#sinks) {
      hub.addSink(sink);
      sink.open();
    }
    this.#frames.clear();
    const clock = this.#clock;
    const connection = new ScriptedConnection(
      { direction: 'RecvOnly' },
      { clock, counts: this.#counts, failure: null, onClosed: () => {} },
    );
    connection.onSent = demandRtcp;
    this.#connection = connection;
    this.#session = new PublisherSession({
      offer: this.#offer,
      transport: connection.transport,
      publication: this.#publication(),
      epoch: EPOCH,
      clock,
      counts: this.#counts,
      onClosed: () => this.#forget(),
    });
    connection.open();
    await turn();
  }

  /** As its connection brings it. */
  take(bytes: Buffer): void {
    this.#sentSinceInput = 0;
    this.#connection?.receive(bytes);
    demand(this.#sentSinceInput <= MAX_SENT_PER_INPUT, `one packet caused ${this.#sentSinceInput}`);
  }

  tick(): void {
    const now = this.#clock.now();
    this.#ingest.tick(now);
    this.#hub?.tick(now);
  }

  /** @returns How many packets children were sent, by stream. */
  arrived(): ReadonlyMap<string, number> {
    return new Map(this.#arrived);
  }

  streams(): number {
    return this.#hub?.streams().length ?? 0;
  }

  close(): void {
    this.#session?.close();
  }

  #forget(): void {
    this.#session = null;
    this.#connection = null;
    for (const sink of this.#sinks) {
      this.#hub?.removeSink(sink);
      sink.close();
    }
    this.#hub?.close();
    this.#hub = null;
    this.sent.clear();
  }

  #publication(): Publication {
    const publication = { goLive: async () => this.#ingest, lose: () => {}, end: async () => {} };
    return publication as unknown as Publication;
  }

  #viewersOf(section: TakenSection): RtpSink[] {
    const children = section.rids.map((_, layer) => this.#child(section, layer));
    return [...children, this.#player(section)];
  }

  #child({ codec, payloadType, clockRate }: TakenSection, layer: number): RtpSink {
    const ssrc = FIRST_CHILD_SSRC + layer;
    const name = `${codec}-${layer}`;
    this.#arrived.set(name, 0);
    return createRtpSink({
      key: { kind: codec === 'opus' ? 'audio' : 'video', layer },
      clockRate,
      payloadType,
      ssrc,
      cname: 'relay',
      now: () => this.#clock.now(),
      send: (bytes) => {
        demandSendable(bytes, ssrc, payloadType);
        if (isRtcp(bytes)) return true;
        this.#sentSinceInput++;
        this.#arrived.set(name, (this.#arrived.get(name) ?? 0) + 1);
        if (codec !== 'opus' && hasMarker(bytes)) this.#checkTrailer(name, layer, bytes);
        return true;
      },
    });
  }

  #player({ codec, payloadType, clockRate }: TakenSection): RtpSink {
    return createRtpSink({
      key: { kind: codec === 'opus' ? 'audio' : 'video', layer: 0 },
      wish: codec === 'opus' ? null : wishFor(0),
      clockRate,
      payloadType,
      ssrc: FIRST_PLAYER_SSRC,
      cname: 'relay',
      now: () => this.#clock.now(),
      send: (bytes) => {
        if (isRtcp(bytes)) return true;
        this.#sentSinceInput++;
        const before = Buffer.from(bytes);
        const stripped = stripTrailer(codec, bytes);
        demand(before.equals(bytes), 'a packet that others use was changed');
        demandSendable(stripped, FIRST_PLAYER_SSRC, payloadType);
        demand(stripped.length > RTP_HEADER_BYTES, 'nothing is left of a packet');
        demand(stripped.length <= bytes.length, 'a packet grew without its trailer');
        return true;
      },
    });
  }

  /** The last packet of each frame tells which it is. */
  #checkTrailer(name: string, layer: number, bytes: Buffer): void {
    const trailer = splitTrailer(bytes.subarray(RTP_HEADER_BYTES))?.trailer;
    demand(trailer !== undefined, `a frame of ${name} without a trailer`);
    const now = this.#clock.now();
    demand(trailer.epoch === EPOCH && trailer.layer === layer, `layer ${trailer.layer} in ${name}`);
    const isPlausible = trailer.capturedAt <= now && trailer.capturedAt >= this.#openedAt - MAX_AGE_MS;
    demand(isPlausible, `a frame of ${name} that is ${now - trailer.capturedAt} ms old`);
    const last = this.#frames.get(name);
    demand(
      last === undefined || trailer.sequence > last,
      `frame ${trailer.sequence} of ${name} after ${last}`,
    );
    this.#frames.set(name, trailer.sequence);
  }
}
