/** Who comes to the channel: streamer, relays and viewers, with their lines, sessions and lies. */

import {
  createDirectory,
  createRandom,
  HEADLESS_TUNING,
  momentaryChildren,
  PAGE_TUNING,
  type Random,
  type TreePeerOptions,
  type TreeTuning,
} from '@casto/core';
import { uplinkBps } from './draws.ts';
import { nearestRelays } from './finding.ts';
import { LIES, lyingCore, type LieKind } from './lies.ts';
import { BITRATE_BPS, MEDIA_OVERHEAD } from './physics.ts';
import type { Reachability, SimPeer, Traits } from './sim-peer.ts';
import type { World } from './world.ts';

/** Shares of the viewers. Of those with a fixed line some are behind a NAT that only open peers can reach through. */
const MOBILE_SHARE = 0.35;
const HARD_SHARE = 0.12;
const OPEN_SHARE = 0.3;
const LIAR_SHARE = 0.03;
/** Viewers that know any two relays instead of the nearest. */
const STRAY_SHARE = 0.05;

const BROWSER_SLOTS = 6;
const STREAMER_SLOTS = 4;
const RELAY_SLOTS = 60;
/** What their owners allow: the streamer's what the whole line carries, of which slots are half, as in pages. */
const STREAMER_CHILDREN = 2 * STREAMER_SLOTS;
const RELAY_CHILDREN = 80;
/** A peer gives half of its uplink: what it must have for so many slots. */
const uplinkFor = (slots: number): number => (slots * MEDIA_OVERHEAD * BITRATE_BPS) / 0.5;
/** A liar that claims six slots has an uplink for none. */
const OVERCLAIMER_BPS = 2e6;
/** So that a small error of a core cannot hide behind rounding. */
const SPARE = 1.01;

export interface PopulationOptions {
  readonly seed: number;
  readonly tuning: Partial<TreeTuning>;
  readonly hasLiars: boolean;
  /** Whether relays carry media, or run directories alone. */
  readonly relaysServe: boolean;
}

export class Population {
  readonly #world: World;
  readonly #options: PopulationOptions;
  /** Decides who comes; what happens on the way draws from the world. */
  readonly draw: Random;

  constructor(world: World, options: PopulationOptions) {
    this.#world = world;
    this.#options = options;
    this.draw = createRandom(options.seed * 4 + 2);
  }

  /** The streamer comes first, then the relays; their directories are there before anyone starts. */
  addInfrastructure(relays: number): void {
    this.#add({
      ...INFRASTRUCTURE,
      role: 'streamer',
      uplinkBps: uplinkFor(STREAMER_SLOTS) * SPARE,
      maxChildren: STREAMER_CHILDREN,
    });
    const maxChildren = this.#options.relaysServe ? RELAY_CHILDREN : 0;
    for (let i = 0; i < relays; i++) {
      const relay = this.#add({
        ...INFRASTRUCTURE,
        role: 'relay',
        uplinkBps: uplinkFor(RELAY_SLOTS) * SPARE,
        maxChildren,
      });
      relay.directory = createDirectory({ seed: this.#seed(), own: relay.id });
    }
    const { streamer } = this.#world;
    streamer.contacts = nearestRelays(this.#world, streamer, 2);
    for (const peer of [streamer, ...this.#world.relays]) this.#giveCore(peer);
  }

  /** The same peer, in a page that was loaded anew. */
  reviveStreamer(): void {
    const { streamer, now } = this.#world;
    streamer.revive(now);
    streamer.contacts = nearestRelays(this.#world, streamer, 2);
    this.#giveCore(streamer);
  }

  addViewer(ageS: number): SimPeer {
    const viewer = this.#add(this.#drawViewer(ageS));
    viewer.contacts = this.#contactsOf(viewer);
    this.#giveCore(viewer);
    return viewer;
  }

  #add(traits: Omit<Traits, 'region'>): SimPeer {
    const region = this.draw.below(this.#world.latency.regions);
    return this.#world.addPeer({ ...traits, region }, this.draw);
  }

  #drawViewer(ageS: number): Omit<Traits, 'region'> {
    const { draw } = this;
    // All numbers are drawn for everyone, so that one trait does not change those of all who come later.
    const isMobile = draw.next() < MOBILE_SHARE;
    const isHard = draw.next() < HARD_SHARE && !isMobile;
    const isOpen = draw.next() < OPEN_SHARE;
    const bps = uplinkBps(draw);
    const isLiar = draw.next() < LIAR_SHARE;
    const which = draw.below(LIES.length);
    const lie = this.#options.hasLiars && isLiar ? (LIES[which] ?? null) : null;
    if (lie !== null)
      return {
        ...viewerTraits(isOpen ? 'open' : 'restricted', false, ageS),
        uplinkBps: liarsUplink(lie),
        lie,
      };
    const reachability = isHard ? 'hard' : isOpen ? 'open' : 'restricted';
    return { ...viewerTraits(reachability, isMobile, ageS), uplinkBps: bps, lie: null };
  }

  #contactsOf(viewer: SimPeer): SimPeer[] {
    const isStray = this.draw.next() < STRAY_SHARE;
    const first = this.draw.next();
    const second = this.draw.next();
    const live = this.#world.relays.filter((relay) => relay.isAlive && this.#world.isSameSide(relay, viewer));
    // Whoever comes to the wrong side of a cut knows relays as well, and reaches them once it is over.
    if (live.length === 0) return this.#world.relays.filter(({ isAlive }) => isAlive).slice(0, 2);
    if (!isStray || live.length < 2) return nearestRelays(this.#world, viewer, 2);
    const at = Math.floor(first * live.length);
    const other = (at + 1 + Math.floor(second * (live.length - 1))) % live.length;
    return [at, other].flatMap((i) => live[i] ?? []);
  }

  #giveCore(peer: SimPeer): void {
    const { role, maxChildren, ageS, lie } = peer.traits;
    peer.addresses = addressesOf(peer);
    const options: TreePeerOptions = {
      self: peer.id,
      channel: this.#world.channel,
      kind: role === 'relay' ? 'headless' : 'browser',
      addresses: peer.addresses,
      seed: this.#seed(),
      maxChildren,
      momentaryChildren: role === 'relay' ? 0 : momentaryChildren(maxChildren),
      isViewer: role === 'viewer',
      layers: 1,
      ageS,
      tuning: { ...(role === 'relay' ? HEADLESS_TUNING : PAGE_TUNING), ...this.#options.tuning },
    };
    const core = this.#world.createCore(options, peer);
    peer.core = lie === null ? core : lyingCore(lie, core, options.seed);
  }

  #seed(): number {
    return this.draw.below(0x100000000);
  }
}

const INFRASTRUCTURE = { reachability: 'open', isMobile: false, ageS: 0, lie: null } as const;

function viewerTraits(reachability: Reachability, isMobile: boolean, ageS: number) {
  // A hard peer's host sees that it has no candidate that others could reach.
  const maxChildren = reachability === 'hard' ? 0 : BROWSER_SLOTS;
  return { role: 'viewer', reachability, isMobile, maxChildren, ageS } as const;
}

function liarsUplink(lie: LieKind): number {
  return lie === 'overclaim' ? OVERCLAIMER_BPS : uplinkFor(BROWSER_SLOTS) * 2;
}

/** Addresses as they are in practice: their length is what counts. */
function addressesOf(peer: SimPeer): string[] {
  const direct = (relay: SimPeer): string =>
    `/ip4/198.51.${relay.index % 256}.7/udp/4001/webrtc-direct/certhash/uEi${'c'.repeat(43)}/p2p/${relay.id}`;
  if (peer.isRelay) return [direct(peer)];
  return peer.contacts.map((relay) => `${direct(relay)}/p2p-circuit/p2p/${peer.id}`);
}
