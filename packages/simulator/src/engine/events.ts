/** The kinds of events in the queue, and what they bring. */

import type { TreeEffect, TreeInput } from '@casto/core';
import { EventQueue } from './event-queue.ts';
import type { Link } from './link.ts';

/** A question on its way to a peer, and how long its answer takes. */
export interface ProbeTrip {
  readonly type: 'trip';
  readonly sentAt: number;
  readonly backMs: number;
  /** Index of the relay that passes it on; -1 when nobody does. */
  readonly via: number;
}

export type Payload = TreeInput | TreeEffect | ProbeTrip;
export type WorldQueue = EventQueue<Link, Payload>;

export const EVENT = {
  /** A core's deadline. `index`: the peer. */
  timeout: 0,
  /** An input that belongs to no link. */
  input: 1,
  /** An input that comes over a link; `index`: whose. */
  linkInput: 2,
  /** The other end closed the link. */
  unlinked: 3,
  /** A join arrives at the parent, and its answer at the child. */
  asked: 4,
  answered: 5,
  /** Steps of a link's set-up. */
  childUp: 6,
  parentUp: 7,
  setUpFailed: 8,
  /** The first picture of an activation, numbered by `serial`, arrives at the child. */
  flow: 9,
  /** A loss of media, numbered by `serial`, lasts. */
  starve: 10,
  /** The child has heard nothing for too long. */
  silence: 11,
  /** The child's reception is looked at. */
  sample: 12,
  /** At a relay's directory; `serial`: the peer. */
  seek: 13,
  report: 14,
  forget: 15,
  /** A probe arrives; `serial`: from whom. */
  probe: 16,
  /** A peer finds that a relay does not answer; `serial`: which. */
  contactLost: 17,
  /** A peer has measured its uplink. */
  uplink: 18,
  /** Somebody comes; `serial` says how (see arrivals.ts). */
  arrive: 19,
  depart: 20,
  /** The next scene of the scenario. */
  scene: 21,
  /** One end has heard nothing of the other for so long that the link is lost. */
  expired: 22,
  /** A cut is over: the child hears its parent again. */
  heard: 23,
} as const;

export function createQueue(): WorldQueue {
  return new EventQueue<Link, Payload>();
}
