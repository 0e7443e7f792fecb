/**
 * Everything that a peer of the tree knows. The machines beside this file (searching, parents, children, telling,
 * upkeep) work on it; only `tree-peer.ts` calls them from outside.
 */

import { DEFAULT_BITRATE_BPS } from '../config.ts';
import type { LinkState } from '../control-messages.ts';
import type { Instant } from '../link-control.ts';
import type { ParentCandidate, PeerKind } from '../link-messages.ts';
import { detachedPosition, ingestPosition, positionBelow, rootPosition, type Position } from '../position.ts';
import { shortId, type ChannelId, type PeerId, type ShortId } from '../peer-id.ts';
import { createRandom, type Random } from '../random.ts';
import { Bans } from './bans.ts';
import { Roster } from './roster.ts';
import { HOP_MS, NEW_AFFINITY, parentCost, type Affinity, type ParentCost } from './scores.ts';
import { measuredSlots, settledSlots, type SlotCap } from './slots.ts';
import type { Offer, OfferedCandidate, Standing } from '../standing.ts';
import { TreeTimers } from './timers.ts';
import type { NetworkType, TreeEffect } from './tree-io.ts';
import { TREE_DEFAULTS, type TreeTuning } from './tree-tuning.ts';

export interface TreePeerOptions {
  readonly self: PeerId;
  readonly channel: ChannelId;
  readonly kind: PeerKind;
  /** Where others reach this peer, for redirects. */
  readonly addresses: readonly string[];
  /** Draws everything that is left to chance. */
  readonly seed: number;
  /** Most children that its owner allows, 0 for none; pages alone where there are `relayPlaces`. */
  readonly maxChildren: number;
  /** C4.1: children besides that the owner bears until they have found other places; none unless it is said. */
  readonly momentaryChildren?: number;
  /** Children besides that are headless relays: a streamer's viewers watch through them. */
  readonly relayPlaces?: number;
  /** Whether it plays the channel, so that it counts as a viewer. */
  readonly isViewer: boolean;
  /** Whether it takes the broadcast in from outside the tree, as a relay that holds the channel's key. */
  readonly isIngest?: boolean;
  /** Layers that it wants for itself, as bits. */
  readonly layers: number;
  /** Seconds since it came to the channel, when that was before this object was made. */
  readonly ageS?: number;
  readonly tuning?: Partial<TreeTuning>;
}

/**
 *   idle ──start──▶ detached ──media──▶ attached ──parent lost──▶ detached
 *   idle ──broadcast──▶ root
 */
export type Phase =
  | { readonly type: 'idle' }
  | { readonly type: 'root' }
  | { readonly type: 'detached'; readonly since: Instant }
  | { readonly type: 'attached'; readonly parent: PeerId }
  | { readonly type: 'left' };

/**
 *   asked ──accepted──▶ connecting ──linked──▶ standby ◀──pause──┐
 *                                        └────▶ activating ──media──▶ active
 */
export type ParentPhase = 'asked' | 'connecting' | 'standby' | 'activating' | 'active';

/** A peer that is, or may become, the parent. */
export interface ParentLink {
  readonly peerId: PeerId;
  readonly shortId: ShortId;
  addresses: readonly string[];
  kind: PeerKind;
  phase: ParentPhase;
  /** When the phase began. */
  since: Instant;
  readonly purpose: SearchPurpose;
  /** Whether media is wanted as soon as the link is up. */
  wantsMedia: boolean;
  /** Whether a picture came since it was asked or activated. */
  hasPicture: boolean;
  state: LinkState | null;
  /** The path of `state`, decoded. */
  path: readonly ShortId[];
  affinity: Affinity;
  offsetMs: number | null;
  poorReports: number;
  isSilent: boolean;
  /** It said that it goes, or wants this child to. */
  isDraining: boolean;
}

export interface ChildLink {
  readonly peerId: PeerId;
  readonly kind: PeerKind;
  readonly layers: number;
  readonly since: Instant;
  addresses: readonly string[];
  isLinked: boolean;
  /** Whether media is sent to it: a standby has none and takes no slot. */
  isActive: boolean;
  activeSince: Instant;
  slots: number;
  ageS: number;
  state: LinkState | null;
  /** Joiners sent down to it since it last told of its slots. */
  sentDown: number;
  /** When it was asked to go elsewhere; `null` while it may stay. */
  leavingSince: Instant | null;
  timesAsked: number;
}

/** What a search is for: any parent at all, a standby, or a better parent than the present one. */
export type SearchPurpose = 'parent' | 'standby' | 'better';

export interface Probe {
  readonly candidate: OfferedCandidate;
  /** `null` until it is answered. */
  rttMs: number | null;
  /** `null` until it is answered, and when nobody answered for the peer. */
  standing: Standing | null;
  isTried: boolean;
}

/**
 *   finding ──probed──▶ joining ──all failed──▶ waiting ──▶ finding
 */
export interface Search {
  readonly purpose: SearchPurpose;
  /** The present parent asked this peer to move: the next one need not be better. */
  readonly isForced: boolean;
  stage: 'finding' | 'joining' | 'waiting';
  /** Rounds without success. */
  round: number;
  redirects: number;
  /** All directories have answered in this round. */
  isFound: boolean;
  /** Peers that a full one named, to be asked without probes. */
  readonly named: ParentCandidate[];
  readonly probes: Map<PeerId, Probe>;
}

export interface TreeState {
  readonly options: TreePeerOptions;
  readonly tuning: TreeTuning;
  readonly shortId: ShortId;
  readonly random: Random;
  readonly timers: TreeTimers;
  readonly parents: Map<PeerId, ParentLink>;
  readonly children: Map<PeerId, ChildLink>;
  readonly roster: Roster;
  readonly bans: Bans;
  /** Peers invited to take a place here, and until when. */
  readonly invited: Map<PeerId, Instant>;
  /** Joins of each peer: tokens left, and when they were counted. */
  readonly joinTokens: Map<PeerId, { tokens: number; at: Instant }>;
  /** When the first input came. */
  bornAt: Instant | null;
  effects: TreeEffect[];
  phase: Phase;
  search: Search | null;
  position: Position;
  /** The highest epoch that is known, and since when. */
  epoch: number;
  epochSince: Instant;
  /** Viewers that are served outside the tree. */
  audience: number;
  /** Allowed by the owner. */
  maxChildren: number;
  uplinkBps: number | null;
  bitrateBps: number;
  network: NetworkType;
  processor: number;
  slotCap: SlotCap | null;
  slots: number;
  /** When this peer will be gone, once it is known that it goes. */
  goneAt: Instant | null;
  /** The parent that this peer moves to on purpose, although the present one is well. */
  moving: PeerId | null;
  told: Told;
  /** Pages that could not be reached since one could. */
  unreached: number;
  /** Searches for standbys that found none, in a row. */
  fruitless: number;
  /** Searches for a better parent that found none, in a row. */
  contented: number;
  /** When a parent was last left for what it gave, and until when that is no reason to leave another. */
  poor: { leftAt: Instant; contentUntil: Instant; contentMs: number };
}

/** What was last told, to know what is news. */
export interface Told {
  position: Position | null;
  flowing: boolean;
  layers: number;
  /** To the parent; `null`: nothing yet. */
  upwards: LinkState | null;
  upwardsAt: Instant;
  /** What the directories know; `null`: that there are no slots. */
  report: Offer | null;
  reportAt: Instant;
}

export function createTreeState(options: TreePeerOptions): TreeState {
  const tuning: TreeTuning = { ...TREE_DEFAULTS, ...options.tuning };
  const state: TreeState = {
    options,
    tuning,
    shortId: shortId(options.self),
    random: createRandom(options.seed),
    timers: new TreeTimers(),
    parents: new Map(),
    children: new Map(),
    roster: new Roster(tuning),
    bans: new Bans(tuning),
    invited: new Map(),
    joinTokens: new Map(),
    bornAt: null,
    effects: [],
    phase: { type: 'idle' },
    search: null,
    position: detachedPosition(options.self),
    epoch: 0,
    epochSince: 0,
    audience: 0,
    maxChildren: options.maxChildren,
    uplinkBps: null,
    bitrateBps: DEFAULT_BITRATE_BPS,
    network: 'unmetered',
    processor: 0,
    slotCap: null,
    slots: 0,
    goneAt: null,
    moving: null,
    told: {
      position: null,
      flowing: false,
      layers: 0,
      upwards: null,
      upwardsAt: -Infinity,
      report: null,
      reportAt: -Infinity,
    },
    unreached: 0,
    fruitless: 0,
    contented: 0,
    poor: { leftAt: -Infinity, contentUntil: -Infinity, contentMs: tuning.contentMs },
  };
  state.slots = slotsOf(state);
  return state;
}

export function newParentLink(
  candidate: ParentCandidate & { kind: PeerKind },
  options: { purpose: SearchPurpose; wantsMedia: boolean; now: Instant },
): ParentLink {
  const { peerId, addresses, kind } = candidate;
  return {
    peerId,
    shortId: shortId(peerId),
    addresses,
    kind,
    phase: 'asked',
    since: options.now,
    purpose: options.purpose,
    wantsMedia: options.wantsMedia,
    hasPicture: false,
    state: null,
    path: [],
    affinity: NEW_AFFINITY,
    offsetMs: null,
    poorReports: 0,
    isSilent: false,
    isDraining: false,
  };
}

/** Between `least` and half as much again, so that the peers of a crowd do not act as one. */
export function jittered(state: TreeState, leastMs: number): number {
  return leastMs * (1 + state.random.next() / 2);
}

/** The parent whose media is played. */
export function currentParent({ phase, parents }: TreeState): ParentLink | null {
  return phase.type === 'attached' ? (parents.get(phase.parent) ?? null) : null;
}

export function setPhase(link: ParentLink, phase: ParentPhase, now: Instant): void {
  link.phase = phase;
  link.since = now;
}

/** Whether the link is up. */
export function isUp({ phase }: ParentLink): boolean {
  return phase !== 'asked' && phase !== 'connecting';
}

/** Whether media of the broadcast reaches this peer, as far as it knows. */
export function isFlowing(state: TreeState): boolean {
  if (state.phase.type === 'root') return true;
  const parent = currentParent(state);
  return (
    parent !== null && !parent.isSilent && parent.state?.flowing === true && state.position.depth !== null
  );
}

/** Works out the own place. While a parent is looked for the place stays as it was, until it is given up. */
export function reposition(state: TreeState): void {
  if (state.phase.type === 'root') {
    const { self, channel } = state.options;
    state.position =
      self === channel ? rootPosition(self, state.epoch) : ingestPosition(channel, self, state.epoch);
    return;
  }
  const parent = currentParent(state);
  if (parent === null) return;
  const delayMs = linkDelayMs(parent);
  const position = positionBelow(state.options.self, parent.state, { offsetMs: parent.offsetMs, delayMs });
  state.position = position.depth === null ? { ...position, epoch: state.epoch } : position;
}

/** What a link adds to the delay of the path. */
export function linkDelayMs({ affinity, kind }: ParentLink): number {
  return (affinity.rttMs ?? 0) / 2 + HOP_MS[kind];
}

export function costOf(link: ParentLink): ParentCost {
  return parentCost({
    kind: link.kind,
    depth: link.state?.depth ?? 0,
    delayMs: link.state?.delayMs ?? 0,
    ageS: link.state?.ageS ?? 0,
    ...link.affinity,
  });
}

export function ageS(state: TreeState, now: Instant): number {
  const here = state.bornAt === null ? 0 : (now - state.bornAt) / 1000;
  return Math.max(0, Math.floor((state.options.ageS ?? 0) + here));
}

export function slotsOf(state: TreeState): number {
  const slots = uncappedSlots(state);
  return state.slotCap === null ? slots : Math.min(slots, state.slotCap.slots);
}

/** Slots before the children have their say. */
export function uncappedSlots(state: TreeState): number {
  return carriedSlots(state, activeRelays(state));
}

/** C1.3: whether one more headless relay finds a place that no page may have. */
export function hasRelayPlace(state: TreeState): boolean {
  const relays = activeRelays(state);
  if (relays >= (state.options.relayPlaces ?? 0)) return false;
  return activeChildren(state) < carriedSlots(state, relays + 1);
}

/** Children that the owner allows, whatever the uplink carries. */
export function allowedChildren(state: TreeState): number {
  const { relayPlaces = 0, momentaryChildren = 0 } = state.options;
  return state.maxChildren + momentaryChildren + Math.min(activeRelays(state), relayPlaces);
}

/** C4.1: children that may have media at once, until those beyond the slots have found other places. */
export function mostChildren(state: TreeState): number {
  const { slots, tuning } = state;
  return Math.min(slots + Math.ceil(slots * tuning.overflowShare), allowedChildren(state));
}

function carriedSlots(state: TreeState, relays: number): number {
  const { options, network, processor, uplinkBps, bitrateBps, tuning } = state;
  if (state.goneAt !== null) return 0;
  const settled = options.kind === 'headless' ? settledSlots(state.maxChildren, tuning) : state.maxChildren;
  const maxChildren = settled + Math.min(relays, options.relayPlaces ?? 0);
  return measuredSlots({ maxChildren, network, processor, uplinkBps, bitrateBps }, tuning);
}

function activeRelays({ children }: TreeState): number {
  let relays = 0;
  for (const { isActive, kind } of children.values()) if (isActive && kind === 'headless') relays++;
  return relays;
}

export function activeChildren(state: TreeState): number {
  let active = 0;
  for (const child of state.children.values()) if (child.isActive) active++;
  return active;
}

/** A child or parent as it is named to others. */
export function candidateOf({
  peerId,
  addresses,
}: ParentCandidate | ParentLink | ChildLink): ParentCandidate {
  return { peerId, addresses: [...addresses] };
}
