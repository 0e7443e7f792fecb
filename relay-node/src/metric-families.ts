/**
 * What the relay shows at /metrics. Whoever changes a name here breaks dashboards and alerts (deploy/).
 *
 * Labels have few values, all from closed unions: no channel, peer or address is a label, because each would be
 * another time series for ever. Processes are few, and named by their place.
 */
import type { LinkCounts, ProcessMetrics, Readiness, RelayMetrics } from '@casto/nodejs';

export type RelayCondition = Readiness | 'starting';

export interface Scrape {
  condition: RelayCondition;
  /** Null until the relay is up. */
  relay: RelayMetrics | null;
  /** Requests and connections that the HTTP server refused, by reason. */
  httpRefused: Readonly<Record<string, number>>;
}

interface Reading {
  labels: Record<string, string>;
  value: number;
}

export interface MetricFamily {
  name: string;
  kind: 'gauge' | 'counter';
  help: string;
  labels: readonly string[];
  read(scrape: Scrape): Reading[];
}

const conditions: readonly RelayCondition[] = ['starting', 'ready', 'full', 'memory', 'draining'];

const otherEnds: Readonly<Record<string, (links: RelayMetrics['links']) => LinkCounts>> = {
  parent: ({ parents }) => parents,
  child: ({ children }) => children,
  publisher: ({ publishers }) => publishers,
  player: ({ players }) => players,
};

export const metricFamilies: readonly MetricFamily[] = [
  family('gauge', 'ready', 'Whether the relay takes joins, as at /ready.', [], ({ condition }) => [
    reading(condition === 'ready' ? 1 : 0),
  ]),
  family('gauge', 'state', 'What the relay does: 1 for the state it is in.', ['state'], ({ condition }) =>
    conditions.map((state) => reading(state === condition ? 1 : 0, { state })),
  ),
  relayFamily('gauge', 'uptime_seconds', 'Since the relay is up.', [], ({ uptimeMs }) => [
    reading(uptimeMs / 1_000),
  ]),
  relayFamily('gauge', 'viewers', 'Viewers at and below this relay.', [], ({ viewers }) => [
    reading(viewers),
  ]),
  relayFamily('gauge', 'served_viewers', 'Children that this relay sends media to.', [], ({ served }) => [
    reading(served),
  ]),
  relayFamily('gauge', 'served_viewers_limit', 'Most of them, --max-viewers.', [], ({ maxViewers }) => [
    reading(maxViewers),
  ]),
  relayFamily(
    'gauge',
    'channels',
    'Channels announced here, with media coming in (live), and known at all.',
    ['state'],
    ({ channels }) => readings('state', channels),
  ),
  relayFamily('gauge', 'peers', 'Peers connected over libp2p.', [], ({ peers }) => [reading(peers)]),
  relayFamily('gauge', 'connections', 'Connections of libp2p.', ['direction'], ({ connections }) =>
    directed(connections.inbound, connections.outbound),
  ),
  relayFamily('gauge', 'known_relays', 'Other relays heard of lately.', [], ({ knownRelays }) => [
    reading(knownRelays),
  ]),
  relayFamily(
    'gauge',
    'links',
    'Media links to parents and children, and those of WHIP publishers and WHEP players.',
    ['other', 'state'],
    ({ links }) =>
      Object.entries(otherEnds).flatMap(([other, read]) => [
        reading(read(links).connecting, { other, state: 'connecting' }),
        reading(read(links).connected, { other, state: 'connected' }),
      ]),
  ),
  relayFamily(
    'counter',
    'links_made_total',
    'Media links made, those that never connected among them.',
    ['other'],
    ({ links }) => Object.entries(otherEnds).map(([other, read]) => reading(read(links).made, { other })),
  ),
  mediaFamily('packets_total', 'RTP packets, without those sent again.', ({ incoming, outgoing }) =>
    directed(incoming.packets, outgoing.packets),
  ),
  mediaFamily('rtp_bytes_total', 'Of those packets, without SRTP, UDP and IP.', ({ incoming, outgoing }) =>
    directed(incoming.bytes, outgoing.bytes),
  ),
  mediaFamily(
    'nacked_packets_total',
    'Packets asked for again: in by children, out of parents.',
    ({ incoming, outgoing }) => directed(outgoing.nacks, incoming.nacks),
  ),
  mediaFamily(
    'key_frame_requests_total',
    'Key frame requests over RTCP: in from children, out to parents.',
    ({ incoming, outgoing }) => directed(outgoing.keyFrameRequests, incoming.keyFrameRequests),
  ),
  relayFamily('counter', 'resent_packets_total', 'Packets sent again to children.', [], ({ media }) => [
    reading(media.outgoing.resent),
  ]),
  relayFamily('counter', 'key_frames_total', 'Key frames that came in.', [], ({ media }) => [
    reading(media.incoming.keyFrames),
  ]),
  relayFamily(
    'counter',
    'dropped_packets_total',
    'Packets and repeats not passed on; waiting and not-open are usual.',
    ['direction', 'reason'],
    ({ media: { incoming, outgoing } }) => [
      ...readings('reason', incoming.drops, { direction: 'in' }),
      ...readings('reason', outgoing.drops, { direction: 'out' }),
    ],
  ),
  relayFamily(
    'counter',
    'joins_total',
    'Joins by result; the reason is that of a refusal.',
    ['result', 'reason'],
    ({ joins: { accepted, redirected, refused } }) => [
      reading(accepted, { result: 'accepted', reason: '' }),
      reading(redirected, { result: 'redirected', reason: '' }),
      ...readings('reason', refused, { result: 'refused' }),
    ],
  ),
  relayFamily(
    'counter',
    'throttled_joins_total',
    'Of the joins refused as busy: beyond --max-joins-per-second.',
    [],
    ({ joins }) => [reading(joins.tooMany)],
  ),
  relayFamily(
    'counter',
    'sessions_total',
    'Requests for sessions of WHIP publishers and WHEP players, by how they ended.',
    ['role', 'result'],
    ({ sessions: { publishers, players } }) => [
      ...readings('result', publishers.results, { role: 'publisher' }),
      ...readings('result', players.results, { role: 'player' }),
    ],
  ),
  sessionFamily('session_packets_total', 'RTP packets of WHIP publishers and to WHEP players.', 'packets'),
  sessionFamily('session_rtp_bytes_total', 'Of those packets, without SRTP, UDP and IP.', 'bytes'),
  relayFamily('counter', 'refused_total', 'Refused input over libp2p and media.', ['reason'], ({ refused }) =>
    readings('reason', refused),
  ),
  processFamily(
    'counter',
    'process_cpu_seconds_total',
    'Processor time of a process of the relay.',
    (of) => of.cpuSeconds,
  ),
  processFamily(
    'gauge',
    'process_resident_bytes',
    'Memory of a process of the relay.',
    (of) => of.residentBytes,
  ),
  processFamily(
    'gauge',
    'process_event_loop_delay_seconds',
    'How late its event loop was at most in the last 30 s.',
    (of) => of.eventLoopDelayMs / 1_000,
  ),
  processFamily(
    'gauge',
    'process_children',
    'Media links with children that it serves.',
    (of) => of.children,
  ),
  processFamily(
    'counter',
    'worker_restarts_total',
    'Starts in place of a worker that crashed or hung.',
    (of) => (of.name === 'main' ? null : of.restarts),
  ),
  family('counter', 'http_refused_total', 'Refused HTTP.', ['reason'], ({ httpRefused }) =>
    readings('reason', httpRefused),
  ),
];

function family(
  kind: MetricFamily['kind'],
  name: string,
  help: string,
  labels: readonly string[],
  read: (scrape: Scrape) => Reading[],
): MetricFamily {
  return { kind, name: `casto_relay_${name}`, help, labels, read };
}

/** Shows nothing until the relay is up. */
function relayFamily(
  kind: MetricFamily['kind'],
  name: string,
  help: string,
  labels: readonly string[],
  read: (relay: RelayMetrics) => Reading[],
): MetricFamily {
  return family(kind, name, help, labels, ({ relay }) => (relay === null ? [] : read(relay)));
}

/** @param read - Null: not shown for that process. */
function processFamily(
  kind: MetricFamily['kind'],
  name: string,
  help: string,
  read: (of: ProcessMetrics) => number | null,
): MetricFamily {
  return relayFamily(kind, name, help, ['process'], ({ processes }) =>
    processes.flatMap((of) => {
      const value = read(of);
      return value === null ? [] : reading(value, { process: of.name });
    }),
  );
}

function mediaFamily(
  name: string,
  help: string,
  read: (media: RelayMetrics['media']) => Reading[],
): MetricFamily {
  return relayFamily('counter', name, help, ['direction'], ({ media }) => read(media));
}

/** They are part of those in and out. */
function sessionFamily(name: string, help: string, what: 'packets' | 'bytes'): MetricFamily {
  return relayFamily('counter', name, help, ['role'], ({ sessions: { publishers, players } }) => [
    reading(publishers[what], { role: 'publisher' }),
    reading(players[what], { role: 'player' }),
  ]);
}

function reading(value: number, labels: Record<string, string> = {}): Reading {
  return { value, labels };
}

function directed(into: number, out: number): Reading[] {
  return [reading(into, { direction: 'in' }), reading(out, { direction: 'out' })];
}

function readings(
  label: string,
  values: Readonly<Record<string, number>>,
  others: Record<string, string> = {},
): Reading[] {
  return Object.entries(values).map(([name, value]) => reading(value, { ...others, [label]: name }));
}
