/**
 * What checkers and measurements see of a simulated world. It is read from the world's own books (who exists, which
 * link carries media), never from the core under test.
 */

/** A peer's number in the world, from 0; the streamer is 0. */
export type PeerIndex = number;

export type PeerRole = 'streamer' | 'relay' | 'viewer';

export interface WorldView {
  /** Milliseconds of virtual time. */
  readonly now: number;
  /** Peers that ever existed: indices are below this. */
  readonly count: number;
  isAlive(peer: PeerIndex): boolean;
  role(peer: PeerIndex): PeerRole;
  /** Whether it lies on purpose; what becomes of it is nobody's concern. */
  isLiar(peer: PeerIndex): boolean;
  /** The parent whose media the peer plays, whether or not any arrives; -1 for none. */
  parentOf(peer: PeerIndex): PeerIndex;
  /** Whether media of the streamer reaches it at this instant. */
  isFed(peer: PeerIndex): boolean;
  /** Since when it has been without media, or has been looking for its first; `null` while it is fed. */
  hungrySince(peer: PeerIndex): number | null;
  /** Children that are sent media at this instant. */
  activeChildren(peer: PeerIndex): number;
  uplinkBps(peer: PeerIndex): number;
  /** Bits per second of the stream. */
  readonly bitrateBps: number;
  /** Whether a link between the two can exist at all: not when both are alive in different parts of a partition. */
  canReach(a: PeerIndex, b: PeerIndex): boolean;
  /** Epoch of the broadcast that the peer forwards, 0 before it has one. */
  epoch(peer: PeerIndex): number;
  /** True delay from the streamer to the peer along its path, in milliseconds. */
  pathDelayMs(peer: PeerIndex): number;
  /** Hops from the streamer along the true path; `null` when it does not lead there. */
  depth(peer: PeerIndex): number | null;
  /** Control bytes that the peer has sent: payload alone, and with the overhead of SCTP, DTLS, UDP and IP. */
  controlBytes(peer: PeerIndex): { payload: number; wire: number };
  /** Milliseconds that the peer has been in the channel. */
  aliveMs(peer: PeerIndex): number;
  /** Media bytes sent by the peer. */
  mediaBytes(peer: PeerIndex): number;
}

/** Facts that happen at an instant, told to measurements as they happen. */
export type WorldEvent =
  /** First picture, this long after the peer began to look. */
  | { readonly type: 'joined'; readonly at: number; readonly peer: PeerIndex; readonly tookMs: number }
  /** A search ended without a place and will be tried again. */
  | { readonly type: 'join-retried'; readonly at: number; readonly peer: PeerIndex }
  /** A viewer left; `disturbed`: viewers below it that lose their media by it. Of graceful exits none should. */
  | {
      readonly type: 'left';
      readonly at: number;
      readonly peer: PeerIndex;
      readonly isAbrupt: boolean;
      readonly disturbed: number;
    }
  /** A child of a peer that was lost has media again. `tookMs` counts from the parent's death. */
  | {
      readonly type: 'repaired';
      readonly at: number;
      readonly peer: PeerIndex;
      readonly tookMs: number;
      readonly by: 'standby' | 'search';
    }
  /** Any viewer's media came back after an interruption of this length, whatever the cause. */
  | { readonly type: 'resumed'; readonly at: number; readonly peer: PeerIndex; readonly tookMs: number }
  /** The peer changed its parent without a break. */
  | { readonly type: 'moved'; readonly at: number; readonly peer: PeerIndex }
  /** The core of a peer wanted what cannot be done, such as a message over a link that is gone. */
  | { readonly type: 'odd'; readonly at: number; readonly peer: PeerIndex; readonly what: string }
  /** A fault of the scenario began or ended. */
  | { readonly type: 'fault'; readonly at: number; readonly name: string; readonly isOver: boolean };

export interface Observer {
  event?(event: WorldEvent, world: WorldView): void;
  /** Called every `tickMs` of virtual time. */
  tick?(world: WorldView): void;
}

export type ScenarioName =
  'steady' | 'flash' | 'exodus' | 'partition' | 'liars' | 'relay-loss' | 'streamer-restart' | 'chaos';

/** Mechanisms that a run can do without. */
export type Ablation = 'none' | 'no-standby' | 'random-parents' | 'no-headless-relays' | 'no-preemption';

export interface SimulationOptions {
  readonly viewers: number;
  readonly relays: number;
  readonly minutes: number;
  readonly seed: number;
  readonly scenario: ScenarioName;
  readonly ablation: Ablation;
  readonly observers: readonly Observer[];
  /** Virtual time between ticks, milliseconds. */
  readonly tickMs: number;
}

export interface SimulationResult {
  /** Of every event of the run in its order: the same for the same seed. */
  readonly hash: string;
  readonly events: number;
  /** Time that the measured part of the run began, after the ramp. */
  readonly measuredFrom: number;
  readonly endedAt: number;
}

/** Runs one scenario to its end. Given by `simulation.ts`. */
export interface Simulate {
  (options: SimulationOptions): SimulationResult;
}
