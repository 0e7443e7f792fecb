/** Scenarios as scenes that follow each other. */

import type { ScenarioName } from '../world-view.ts';
import { RAMP_ENDS_MS, type Arrivals } from './arrivals.ts';
import { EVENT } from './events.ts';
import { depart } from './exits.ts';
import { cut, doomedRelays, exodus, farRegions, heal } from './faults.ts';
import type { World } from './world.ts';

/** The ramp is over, and has settled. */
export const MEASURED_FROM_MS = 90_000;

/** A flash crowd is this many times those who were there; together they are the run's viewers. */
const CROWD_FACTOR = 10;
const CROWD_MS = 10_000;
/** In the run that has everything, so many come again as are there. */
const CHAOS_CROWD_SHARE = 0.3;
const EXODUS_SHARE = 0.3;
const CUT_REGIONS = 2;
const CUT_MS = 30_000;
const RELAY_LOSS_SHARE = 0.3;
const RELAY_LOSS_MS = 1_000;
const RESTART_MS = 5_000;
/** Nothing happens for so long after a fault. */
const PAUSE_MS = 15_000;

interface Scene {
  readonly at: number;
  play(): void;
}

/** Those who are there before a crowd comes. */
export function viewersAtFirst(scenario: ScenarioName, viewers: number): number {
  return scenario === 'flash' ? Math.max(1, Math.round(viewers / (1 + CROWD_FACTOR))) : viewers;
}

export class Scenes {
  readonly #world: World;
  readonly #arrivals: Arrivals;
  readonly #restartStreamer: () => void;
  readonly #scenes: Scene[] = [];
  #at = MEASURED_FROM_MS + 5_000;
  #hasFaults = false;

  /** @param restartStreamer - Begins a later broadcast, with a core that knows nothing of the one before. */
  constructor(world: World, arrivals: Arrivals, restartStreamer: () => void) {
    this.#world = world;
    this.#arrivals = arrivals;
    this.#restartStreamer = restartStreamer;
  }

  /** When the last fault is over; before that a run tells little. */
  get endsAt(): number {
    return this.#hasFaults ? this.#at : 0;
  }

  prepare(scenario: ScenarioName, viewers: number): void {
    this.#addRamp();
    switch (scenario) {
      case 'steady':
      case 'liars':
        // Liars are there from the beginning, and must be borne without a pause.
        break;
      case 'flash':
        this.#addCrowd(viewers - viewersAtFirst(scenario, viewers));
        break;
      case 'exodus':
        this.#addExodus();
        break;
      case 'partition':
        this.#addPartition();
        break;
      case 'relay-loss':
        this.#addRelayLoss();
        break;
      case 'streamer-restart':
        this.#addStreamerRestart();
        break;
      case 'chaos':
        this.#addCrowd(Math.round(viewers * CHAOS_CROWD_SHARE));
        this.#addExodus();
        this.#addPartition();
        this.#addRelayLoss();
        break;
    }
    this.#scenes.forEach(({ at }, i) => this.#world.queue.add(at, EVENT.scene, i));
  }

  play(index: number): void {
    this.#scenes[index]?.play();
  }

  /** Everybody comes within a minute: a crowd like any other. */
  #addRamp(): void {
    this.#scenes.push({ at: 0, play: () => this.#fault('ramp', false) });
    this.#scenes.push({ at: RAMP_ENDS_MS, play: () => this.#fault('ramp', true) });
  }

  #addCrowd(viewers: number): void {
    this.#add(0, () => {
      this.#fault('flash', false);
      this.#arrivals.crowd(viewers, CROWD_MS);
    });
    this.#add(CROWD_MS, () => this.#fault('flash', true));
    this.#pause();
  }

  #addExodus(): void {
    this.#add(0, () => {
      this.#fault('exodus', false);
      exodus(this.#world, EXODUS_SHARE);
    });
    // An instant of its own, so that who was struck can be told from who was not.
    this.#add(1, () => this.#fault('exodus', true));
    this.#pause();
  }

  #addPartition(): void {
    let regions: number[] = [];
    this.#add(0, () => {
      this.#fault('partition', false);
      regions = farRegions(this.#world, CUT_REGIONS);
      cut(this.#world, regions);
    });
    this.#add(CUT_MS, () => {
      heal(this.#world, regions);
      this.#fault('partition', true);
    });
    this.#pause();
  }

  #addRelayLoss(): void {
    this.#add(0, () => {
      this.#fault('relay-loss', false);
      for (const relay of doomedRelays(this.#world, RELAY_LOSS_SHARE)) {
        const at = this.#world.now + this.#world.chance.next() * RELAY_LOSS_MS;
        this.#world.queue.add(at, EVENT.depart, relay.index);
      }
    });
    this.#add(RELAY_LOSS_MS, () => this.#fault('relay-loss', true));
    this.#pause();
  }

  /** The streamer's page is loaded anew: it is gone without a word, and comes back with a broadcast of its own. */
  #addStreamerRestart(): void {
    const { streamer } = this.#world;
    this.#add(0, () => {
      this.#fault('streamer-restart', false);
      depart(this.#world, streamer, 'abrupt');
    });
    this.#add(RESTART_MS, () => {
      this.#restartStreamer();
      this.#fault('streamer-restart', true);
    });
    this.#pause();
  }

  #add(afterMs: number, play: () => void): void {
    this.#hasFaults = true;
    this.#at += afterMs;
    this.#scenes.push({ at: this.#at, play });
  }

  #pause(): void {
    this.#at += PAUSE_MS;
  }

  #fault(name: string, isOver: boolean): void {
    this.#world.emit({ type: 'fault', at: this.#world.now, name, isOver });
  }
}
