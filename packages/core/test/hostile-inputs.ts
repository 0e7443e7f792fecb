/** Inputs as no honest world would give them: every type, in any order, with any values that the codecs let through. */

import { MAX_DEPTH } from '../src/config.ts';
import type { LinkState } from '../src/control-messages.ts';
import { encodePath, shortId, type PeerId } from '../src/peer-id.ts';
import type { Offer, Standing } from '../src/standing.ts';
import type { JoinAnswer, LinkMeasurement, TreeEffect, TreeInput, TreeMessage } from '../src/tree/tree-io.ts';
import { candidate, EPOCH, id, word } from './lone-peer.ts';
import { seededRandom } from './seeded-random.ts';

/** Peers that speak; number 0 is the streamer, number 1 the one under test. */
const SPEAKERS = 14;

export class HostileWorld {
  readonly #random: () => number;
  /** Those that were asked for a place, the latest last: most are helped on, so that deep states are reached. */
  readonly #asked: number[] = [];
  readonly #probed: number[] = [];

  constructor(seed: number) {
    this.#random = seededRandom(seed);
  }

  /** What the peer did, so that some of it is answered. */
  see(effects: readonly TreeEffect[]): void {
    for (const effect of effects) {
      if (effect.type !== 'join' && effect.type !== 'probe') continue;
      const list = effect.type === 'join' ? this.#asked : this.#probed;
      list.push(this.#numberOf(effect.candidate.peerId));
      if (list.length > 8) list.shift();
    }
  }

  /** Milliseconds until the next input, with fractions. */
  pauseMs(): number {
    return this.pick([
      () => 0,
      () => this.#random(),
      () => this.below(100),
      () => this.below(3_000),
      () => this.below(60_000),
    ])();
  }

  below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  pick<T>(items: readonly T[]): T {
    const picked = items[this.below(items.length)];
    if (picked === undefined) throw new Error('nothing to pick from');
    return picked;
  }

  input(): TreeInput {
    const peerId = this.#peer();
    const kind = this.pick(['browser', 'headless'] as const);
    const { pick } = { pick: <T>(items: readonly (() => T)[]) => this.pick(items)() };
    return pick<TreeInput>([
      () => this.#helpful(),
      () => this.#helpful(),
      () => this.#helpful(),
      () => this.#helpful(),
      () => ({ type: 'start' }),
      () => ({ type: 'broadcast', epoch: this.#epoch() }),
      () => ({
        type: 'found',
        candidates: this.#candidates(8).map((each) => ({ ...each, offer: this.#offer() })),
        isLast: this.#flag(),
      }),
      () => ({ type: 'named', parents: this.#candidates(6) }),
      () => ({
        type: 'probed',
        peerId,
        rttMs: this.below(100_000),
        standing: this.#flag() ? null : this.#standing(),
      }),
      () => ({ type: 'answered', peerId, answer: this.#answer() }),
      () => ({
        type: 'asked',
        peerId,
        addresses: [],
        join: {
          kind,
          path: this.#path(),
          standby: this.#flag(),
          slots: this.#count(0xffff),
          ageS: this.#count(),
          layers: this.below(8),
        },
      }),
      () => ({ type: 'linked', peerId }),
      () => ({
        type: 'unlinked',
        peerId,
        farewell: this.pick(['leaving', 'ended', 'moved', 'layer-gone', 'not-allowed', null]),
      }),
      () => ({ type: 'state', peerId, state: this.#state() }),
      () => ({ type: 'message', peerId, message: this.#message() }),
      () => ({ type: this.pick(['flowing', 'starved', 'silent', 'revived'] as const), peerId }),
      () => ({ type: 'measured', peerId, ...this.#measurement() }),
      () => this.#own(),
      () => ({ type: 'timeout' }),
    ]);
  }

  /** What an honest world might say next. */
  #helpful(): TreeInput {
    const number = this.#asked.at(-1 - this.below(2)) ?? this.#numberOf(this.#peer());
    const peerId = id(number);
    const probed = id(this.#probed.at(-1) ?? number);
    const { depth, path, epoch, flowing, layers, ageS, delayMs } = word(number, { epoch: EPOCH });
    return this.pick<TreeInput>([
      { type: 'answered', peerId, answer: { type: 'accepted', kind: 'browser' } },
      { type: 'linked', peerId },
      { type: 'state', peerId, state: word(number) },
      { type: 'flowing', peerId },
      {
        type: 'probed',
        peerId: probed,
        rttMs: 40,
        standing: {
          kind: 'browser',
          depth: depth ?? 0,
          path,
          epoch,
          flowing,
          layers,
          ageS,
          delayMs: delayMs ?? 0,
          freeSlots: 2,
        },
      },
    ]);
  }

  #own(): TreeInput {
    return this.pick<TreeInput>([
      { type: 'uplink', bps: this.#count(1e12) },
      { type: 'audience', viewers: this.#count(1e6) },
      { type: 'processor', load: this.#random() },
      { type: 'network', network: this.pick(['unmetered', 'unmetered', 'metered', 'mobile']) },
      { type: 'bitrate', bps: this.#count(1e9) },
    ]);
  }

  #message(): TreeMessage {
    const peer = this.#candidate();
    return this.pick<TreeMessage>([
      { type: 'activate', layer: this.below(3) },
      { type: 'pause' },
      { type: 'addresses', addresses: peer.addresses },
      { type: 'recommend', peer, slots: this.#count(0xffff), ageS: this.#count() },
      { type: 'invite', peerId: peer.peerId },
      { type: 'drain', withinMs: this.below(600_001) },
      { type: 'redirect', parents: this.#candidates(6) },
      { type: 'redirect', parents: this.#candidates(6) },
    ]);
  }

  #answer(): JoinAnswer {
    return this.pick<JoinAnswer>([
      { type: 'accepted', kind: this.pick(['browser', 'headless']) },
      {
        type: 'refused',
        reason: this.pick(['full', 'loop', 'busy', 'not-allowed']),
        retryAfterMs: this.below(60_001),
      },
      { type: 'redirected', parents: this.#candidates(6) },
      { type: 'failed' },
    ]);
  }

  #measurement(): LinkMeasurement {
    return this.pick<LinkMeasurement>([
      {},
      { rttMs: this.#random() * 60_000, offsetMs: (this.#random() - 0.5) * 2e15 },
      { receivedShare: this.#random(), lossShare: this.#random() },
      { receivedShare: 1, lossShare: 0 },
      { latencyMs: this.#random() * 100_000 },
    ]);
  }

  #state(): LinkState {
    const depth = this.#flag() ? null : this.below(MAX_DEPTH + 1);
    return {
      depth,
      path: this.#path(),
      freeSlots: this.#count(0xffff),
      subtreeSlots: this.#count(),
      viewers: this.#count(),
      epoch: this.#epoch(),
      clockOffsetMs: this.#flag() ? null : (this.#random() - 0.5) * 2e15,
      flowing: this.#flag(),
      delayMs: this.#flag() ? null : this.below(60_001),
      slots: this.#count(0xffff),
      ageS: this.#count(),
      layers: this.below(8),
      received: this.#flag() ? null : this.below(1_001),
    };
  }

  #standing(): Standing {
    return { ...this.#offer(), path: this.#path(), epoch: this.#epoch(), flowing: this.#flag() };
  }

  #offer(): Offer {
    return {
      kind: this.pick(['browser', 'headless']),
      depth: this.below(MAX_DEPTH + 1),
      delayMs: this.below(60_001),
      freeSlots: this.#count(0xffff),
      ageS: this.#count(),
      layers: this.below(8),
    };
  }

  /** Sometimes a way that could be one, sometimes any bytes. */
  #path(): Uint8Array {
    const hops = this.below(MAX_DEPTH + 2);
    const ids = Array.from({ length: hops }, () => shortId(this.#peer()));
    return encodePath(this.#flag() ? ids : [shortId(id(0)), ...ids].slice(0, MAX_DEPTH + 1));
  }

  #candidates(most: number): ReturnType<typeof candidate>[] {
    return Array.from({ length: this.below(most + 1) }, () => this.#candidate());
  }

  /** Somebody who speaks, or one of many that never did. */
  #candidate(): ReturnType<typeof candidate> {
    return candidate(this.#flag() ? this.below(SPEAKERS) : 100 + this.below(400));
  }

  #peer(): PeerId {
    return id(this.below(SPEAKERS));
  }

  #numberOf(peerId: PeerId): number {
    for (let number = 0; number < 500; number++) if (id(number) === peerId) return number;
    return 0;
  }

  #count(most = 0xffffffff): number {
    return this.pick([0, 1, 2, 5, this.below(100), this.below(most), most]);
  }

  #epoch(): number {
    return this.pick([0, EPOCH - 1, EPOCH, EPOCH, EPOCH, EPOCH + 1, 0xffffffff]);
  }

  #flag(): boolean {
    return this.#random() < 0.5;
  }
}
