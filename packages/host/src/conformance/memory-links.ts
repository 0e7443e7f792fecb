/**
 * The fake of the LinkEnd ports: two ends in one process, joined by a path with a latency and with losses, in the
 * time of a clock that a test moves. Descriptions are real text, so that whatever parses and checks them takes part.
 *
 * An end finds the other by the ICE name in its description, and believes it by the fingerprint. They connect once
 * both descriptions are applied and one end knows a candidate of the other, as with peer-reflexive candidates.
 */

import { MAX_CANDIDATES } from '@casto/core';
import { canonicalCandidate } from '../candidates.ts';
import type { Clock } from '../clock.ts';
import type { WantedMedia } from '../codecs.ts';
import type { ChildEnd, ControlPort, LinkEnd, LinkEndState, ParentEnd } from '../link-ports.ts';
import type { MediaActivity } from '../peer-link.ts';
import { assertAnswers, parseSessionDescription, renderSessionDescription } from '../session-description.ts';
import type { MediaSection, SessionParameters } from '../session-parameters.ts';
import { answeredSection, offeredSections, ownTransport } from './memory-descriptions.ts';

/** Connecting takes a check and its answer, then two round trips of DTLS and one of SCTP. */
const ROUND_TRIPS_TO_CONNECT = 3;
const ROUND_TRIPS_TO_OPEN = 1;
/** As in the real adapters. */
const DEFAULT_CONNECT_MS = 10_000;
/** Listing local addresses. */
const GATHER_MS = 5;
/** A lost control message is sent again after this many round trips, as SCTP does. */
const ROUND_TRIPS_TO_RESEND = 3;

export interface MemoryPathOptions {
  clock: Clock;
  /** One way, in milliseconds. */
  latencyMs?: number;
  /** Part of all packets that is lost, from 0 to 1. Control messages are late instead. */
  loss?: number;
  /** Numbers in [0, 1); needed where packets are lost. */
  random?: () => number;
  /** Whether an answer has its end's candidate inside, or tells it later like the child. */
  candidates?: 'inside' | 'trickled';
  /** An end that is not connected after this long closes. */
  connectMs?: number;
}

/** All ends that can reach each other. */
export class MemoryLinks {
  readonly #path: Required<MemoryPathOptions>;
  readonly #ends = new Map<string, MemoryEnd>();
  #made = 0;

  constructor(options: MemoryPathOptions) {
    this.#path = {
      latencyMs: 10,
      loss: 0,
      random: () => 0.5,
      candidates: 'inside',
      connectMs: DEFAULT_CONNECT_MS,
      ...options,
    };
  }

  child(wanted: WantedMedia & { layers?: readonly number[] }): MemoryChildEnd {
    return this.#register(new MemoryChildEnd(this.#setup(), offeredSections(wanted)));
  }

  /** @param offer - The child's, checked. */
  parent(offer: SessionParameters): MemoryParentEnd {
    return this.#register(new MemoryParentEnd(this.#setup(), offer));
  }

  /** Ends that are not closed: none may be left when all that uses them is closed. */
  get open(): number {
    return this.#ends.size;
  }

  #setup(): MemoryEndSetup {
    return {
      number: ++this.#made,
      path: this.#path,
      find: (name) => this.#ends.get(name) ?? null,
      forget: (name) => void this.#ends.delete(name),
    };
  }

  #register<End extends MemoryEnd>(end: End): End {
    this.#ends.set(end.name, end);
    return end;
  }
}

interface MemoryEndSetup {
  readonly number: number;
  readonly path: Required<MemoryPathOptions>;
  find(name: string): MemoryEnd | null;
  forget(name: string): void;
}

class MemoryControlPort implements ControlPort {
  onOpen: (() => void) | null = null;
  onMessage: ((bytes: Uint8Array) => void) | null = null;
  onClosed: (() => void) | null = null;
  isOpen = false;
  readonly #carry: (bytes: Uint8Array) => void;

  constructor(carry: (bytes: Uint8Array) => void) {
    this.#carry = carry;
  }

  send(bytes: Uint8Array): boolean {
    if (!this.isOpen) return false;
    this.#carry(bytes.slice());
    return true;
  }
}

export abstract class MemoryEnd implements LinkEnd, MediaActivity {
  readonly control: ControlPort;
  onStateChange: ((state: LinkEndState) => void) | null = null;
  /** Packets can flow. */
  onMediaOpen: (() => void) | null = null;
  /** A packet came from the other end. */
  onMedia: (() => void) | null = null;
  /** Whether this end's packets are lost on the way, all of them, without a word. */
  isCut = false;
  protected readonly setup: MemoryEndSetup;
  protected readonly own: Pick<SessionParameters, 'ice' | 'dtls'>;
  readonly #control: MemoryControlPort;
  readonly #timers = new Set<() => void>();
  #state: LinkEndState = 'connecting';
  #onCandidate: ((candidate: string) => void) | null = null;
  readonly #untold: string[] = [];
  readonly #known = new Set<string>();
  #remote: SessionParameters | null = null;
  #hasBegun = false;
  #sentAt = -Infinity;
  #heardAt = -Infinity;
  #lastArrival = 0;
  readonly #cancelDeadline: () => void;

  constructor(setup: MemoryEndSetup, dtlsRole: 'actpass' | 'passive') {
    this.setup = setup;
    this.own = ownTransport(setup.number, dtlsRole);
    this.#control = new MemoryControlPort((bytes) => this.#carryControl(bytes));
    this.control = this.#control;
    this.#cancelDeadline = this.#later(setup.path.connectMs, () => this.close());
  }

  get name(): string {
    return this.own.ice.usernameFragment;
  }

  get state(): LinkEndState {
    return this.#state;
  }

  get onCandidate(): ((candidate: string) => void) | null {
    return this.#onCandidate;
  }

  set onCandidate(listener: ((candidate: string) => void) | null) {
    this.#onCandidate = listener;
    this.#tellCandidates();
  }

  get candidate(): string {
    return `candidate:1 1 udp 2113937151 127.0.0.1 ${10_000 + this.setup.number} typ host`;
  }

  /** Candidates of the other end that were taken. */
  get candidatesTaken(): number {
    return this.#known.size;
  }

  /** Whether the other is, or was, this end's other one. */
  isLinkedTo(other: MemoryEnd): boolean {
    return this.#remote?.ice.usernameFragment === other.name;
  }

  addCandidate(text: string): void {
    if (this.#state === 'closed') return;
    try {
      const candidate = canonicalCandidate(text);
      if (this.#known.size < MAX_CANDIDATES) this.#known.add(candidate);
    } catch {
      return;
    }
    this.#connect();
  }

  /** Sends one packet of media, which may be lost. */
  sendMedia(): void {
    if (this.#state !== 'connected') return;
    this.#sentAt = this.setup.path.clock.now();
    if (this.isCut || this.#isLost()) return;
    this.setup.path.clock.setTimer(() => this.#other()?.hearMedia(), this.setup.path.latencyMs);
  }

  lastSentAt(): number {
    return this.#sentAt;
  }

  lastHeardAt(): number {
    return this.#heardAt;
  }

  close(): void {
    if (this.#state === 'closed') return;
    const other = this.#other();
    const wasConnected = this.#state === 'connected';
    this.#state = 'closed';
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    this.#onCandidate = null;
    this.setup.forget(this.name);
    const { clock, latencyMs } = this.setup.path;
    // A connection that is up ends with a word of DTLS; one that is not just never comes up.
    if (wasConnected && !this.isCut && other !== null) clock.setTimer(() => other.close(), latencyMs);
    this.#control.isOpen = false;
    this.#control.onClosed?.();
    this.onStateChange?.('closed');
    this.onStateChange = null;
  }

  /** The other end's description is known. */
  protected applyRemote(remote: SessionParameters): void {
    this.#remote = remote;
    for (const candidate of remote.candidates) this.addCandidate(candidate);
    this.#connect();
  }

  /** Own candidates are told from here on. */
  protected gather(options: { isInDescription: boolean }): void {
    this.#later(GATHER_MS, () => {
      this.#untold.push(...(options.isInDescription ? [] : [this.candidate]), '');
      this.#tellCandidates();
    });
  }

  protected assertOpen(): void {
    if (this.#state === 'closed') throw new Error('the link was closed meanwhile');
  }

  private hearMedia(): void {
    if (this.#state !== 'connected') return;
    this.#heardAt = this.setup.path.clock.now();
    this.onMedia?.();
  }

  #isLost(): boolean {
    const { loss, random } = this.setup.path;
    return loss > 0 && random() < loss;
  }

  #tellCandidates(): void {
    if (this.#onCandidate === null) return;
    for (const candidate of this.#untold.splice(0)) this.#onCandidate(candidate);
  }

  #other(): MemoryEnd | null {
    return this.#remote === null ? null : this.setup.find(this.#remote.ice.usernameFragment);
  }

  #connect(): void {
    const other = this.#other();
    if (other === null || other.#other() !== this || this.#hasBegun || other.#hasBegun) return;
    if (this.#known.size + other.#known.size === 0) return;
    this.#hasBegun = true;
    other.#hasBegun = true;
    const roundTripMs = 2 * this.setup.path.latencyMs;
    this.#later(ROUND_TRIPS_TO_CONNECT * roundTripMs, () => {
      if (this.#believes(other) && other.#believes(this)) {
        this.#bringUp(roundTripMs);
        other.#bringUp(roundTripMs);
      } else {
        this.close();
        other.close();
      }
    });
  }

  #believes(other: MemoryEnd): boolean {
    return this.#remote?.dtls.fingerprint.value === other.own.dtls.fingerprint.value;
  }

  #bringUp(roundTripMs: number): void {
    if (this.#state !== 'connecting') return;
    this.#cancelDeadline();
    this.#state = 'connected';
    this.onMediaOpen?.();
    this.onStateChange?.('connected');
    this.#later(ROUND_TRIPS_TO_OPEN * roundTripMs, () => {
      if (this.#state !== 'connected') return;
      this.#control.isOpen = true;
      this.#control.onOpen?.();
    });
  }

  /** In order, and whole: what is lost is sent again, and what follows waits for it. */
  #carryControl(bytes: Uint8Array): void {
    if (this.isCut) return;
    const { clock, latencyMs } = this.setup.path;
    let delayMs = latencyMs;
    while (this.#isLost()) delayMs += ROUND_TRIPS_TO_RESEND * 2 * latencyMs;
    this.#lastArrival = Math.max(this.#lastArrival, clock.now() + delayMs);
    const to = this.#other();
    clock.setTimer(() => {
      if (to !== null && to.#state === 'connected') to.#control.onMessage?.(bytes);
    }, this.#lastArrival - clock.now());
  }

  #later(delayMs: number, run: () => void): () => void {
    const cancelTimer = this.setup.path.clock.setTimer(() => {
      this.#timers.delete(cancel);
      run();
    }, delayMs);
    const cancel = (): void => {
      this.#timers.delete(cancel);
      cancelTimer();
    };
    this.#timers.add(cancel);
    return cancel;
  }
}

export class MemoryChildEnd extends MemoryEnd implements ChildEnd {
  readonly #media: MediaSection[];
  #offered: SessionParameters | null = null;

  constructor(setup: MemoryEndSetup, media: MediaSection[]) {
    super(setup, 'actpass');
    this.#media = media;
  }

  async offer(): Promise<string> {
    this.assertOpen();
    this.#offered = { ...this.own, candidates: [], media: this.#media, controlMid: 'control' };
    return renderSessionDescription('offer', this.#offered);
  }

  async accept(sdp: string): Promise<void> {
    this.assertOpen();
    if (this.#offered === null) throw new Error('accept() before offer()');
    const answer = parseSessionDescription('answer', sdp);
    assertAnswers(this.#offered, answer);
    this.applyRemote(answer);
    this.gather({ isInDescription: false });
  }
}

export class MemoryParentEnd extends MemoryEnd implements ParentEnd {
  readonly #offer: SessionParameters;

  constructor(setup: MemoryEndSetup, offer: SessionParameters) {
    super(setup, 'passive');
    this.#offer = offer;
  }

  async answer(): Promise<string> {
    this.assertOpen();
    const isInDescription = this.setup.path.candidates === 'inside';
    const media = this.#offer.media.map((section, i) => answeredSection(section, this.setup.number * 8 + i));
    const { controlMid } = this.#offer;
    const candidates = isInDescription ? [this.candidate] : [];
    this.applyRemote(this.#offer);
    this.gather({ isInDescription });
    return renderSessionDescription('answer', { ...this.own, candidates, media, controlMid });
  }
}
