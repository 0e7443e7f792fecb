/** What a relay counts about itself, as plain numbers: those that grow since its start, and those of the moment. */

/** Whether a relay takes joins: `full` has as many viewers as it may, `memory` has grown too much for more. */
export type Readiness = 'ready' | 'draining' | 'full' | 'memory';

/** Links of one direction. */
export interface LinkCounts {
  readonly connecting: number;
  readonly connected: number;
  /** Since the start, those that never connected among them. */
  readonly made: number;
}

/** Joins since the start, by how they ended. */
export interface JoinCounts {
  readonly accepted: number;
  readonly redirected: number;
  /** By the word that the joiner was told; `failed`: judging it threw, mostly because the join was malformed. */
  readonly refused: Readonly<Record<string, number>>;
  /** Of those refused as busy: too many joins in a second. */
  readonly tooMany: number;
}

/** From parents and publishers. */
export interface IncomingTraffic {
  packets: number;
  /** RTP headers and payloads, without SRTP, UDP and IP. */
  bytes: number;
  keyFrames: number;
  /** Packets that parents were asked to send again (RFC 4585, section 6.2.1), repeated requests among them. */
  nacks: number;
  /** PLI and FIR sent (RFC 4585, section 6.3.1; RFC 5104, section 4.3.1). */
  keyFrameRequests: number;
  /** By reason, such as `stale`, `duplicate` or `payload`. */
  readonly drops: Record<string, number>;
}

/** To children and players. */
export interface OutgoingTraffic {
  /** Without those that were sent again. */
  packets: number;
  bytes: number;
  /** Packets that were sent again because a child asked for them. */
  resent: number;
  /** Packets that children asked for again. */
  nacks: number;
  /** PLI and FIR received. */
  keyFrameRequests: number;
  /** By reason, such as `waiting`, `send-failed` or `nack-old`. */
  readonly drops: Record<string, number>;
}

export interface MediaTraffic {
  readonly incoming: IncomingTraffic;
  readonly outgoing: OutgoingTraffic;
}

/** One process of a relay. */
export interface ProcessMetrics {
  /** `main`, or `worker-` and a number. */
  readonly name: string;
  /** 0 while a worker is being replaced; what follows is 0 then, too. */
  readonly pid: number;
  /** Of all threads since the start of the process, in user and kernel mode. */
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  /** How late its event loop was at most in the last half minute, in milliseconds. */
  readonly eventLoopDelayMs: number;
  /** Media links to children that it serves, those that are not connected yet among them. */
  readonly children: number;
  /** How often a process was started in place of one that crashed or hung. */
  readonly restarts: number;
}

/** How requests for a session of WHIP or WHEP ended. */
export type SessionResult =
  | 'opened'
  /** No offer that can be read, or of another type. */
  | 'malformed'
  | 'unauthorized'
  /** This relay carries no media. */
  | 'forbidden'
  | 'not-found'
  /** No codec that is carried, or that the channel has. */
  | 'codec'
  | 'name-taken'
  /** An offer that is understood and cannot be answered. */
  | 'unanswerable'
  /** Full, or about to stop. */
  | 'unavailable'
  /** By a mistake of the relay. */
  | 'failed';

/** Sessions of one role. */
export interface SessionCounts {
  /** Requests for a session since the start. */
  readonly results: Readonly<Partial<Record<SessionResult, number>>>;
  /** RTP packets received of publishers, or sent to players, without those sent again. */
  readonly packets: number;
  /** Of those packets, as in {@link IncomingTraffic.bytes}. */
  readonly bytes: number;
}

export interface RelayMetrics {
  readonly uptimeMs: number;
  readonly readiness: Readiness;
  /** At and below this relay, in all channels. */
  readonly viewers: number;
  /** Children that are sent media: what {@link maxViewers} limits. */
  readonly served: number;
  readonly maxViewers: number;
  readonly channels: {
    /** Announced here by their streamers. */
    readonly announced: number;
    /** Media come in. */
    readonly live: number;
    /** Known for whatever reason, such as a page that asks. */
    readonly known: number;
  };
  /** libp2p. */
  readonly peers: number;
  readonly connections: { readonly inbound: number; readonly outbound: number };
  /** Other relays heard of by gossip lately. */
  readonly knownRelays: number;
  /** Media links to parents and to children, and those of WHIP publishers and WHEP players. */
  readonly links: {
    readonly parents: LinkCounts;
    readonly children: LinkCounts;
    readonly publishers: LinkCounts;
    readonly players: LinkCounts;
  };
  /** Over all links. */
  readonly media: MediaTraffic;
  /** Of WHIP and WHEP; their packets are in {@link media} too. */
  readonly sessions: { readonly publishers: SessionCounts; readonly players: SessionCounts };
  readonly joins: JoinCounts;
  /** The main process first; alone where one does it all. */
  readonly processes: readonly ProcessMetrics[];
  /** Refused input by typed reason, as in the status. */
  readonly refused: Readonly<Record<string, number>>;
}
