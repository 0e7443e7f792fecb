/** Sees every peer connection a page opens, and says in a few figures how their media fares. */

import { proxied } from './candidate-proxy.ts';

const connections = new Set<RTCPeerConnection>();

/** Records the connections made from here on. Runs before the page's own scripts. */
export function recordPeerConnections(): void {
  const Native = proxied(globalThis.RTCPeerConnection);
  globalThis.RTCPeerConnection = class extends Native {
    constructor(configuration?: RTCConfiguration) {
      super(configuration);
      for (const connection of connections) {
        if (connection.connectionState === 'closed') connections.delete(connection);
      }
      connections.add(this);
    }
  };
}

export interface StreamStats {
  direction: 'inbound' | 'outbound';
  kind: string;
  /** Without parameters, e.g. `video/VP8`. */
  codec: string | null;
  packets: number;
  bytes: number;
  packetsLost: number | null;
  nackCount: number;
  pliCount: number;
  framesDecoded: number | null;
  framesPerSecond: number | null;
  freezeCount: number | null;
  jitterBufferMs: number | null;
}

export interface ConnectionStats {
  state: RTCPeerConnectionState;
  dtlsCipher: string | null;
  srtpCipher: string | null;
  roundTripMs: number | null;
  streams: StreamStats[];
}

/** The page's connections that are not closed, whatever they carry. */
export function openConnections(): RTCPeerConnection[] {
  return [...connections].filter(({ connectionState }) => connectionState !== 'closed');
}

/** @returns One entry per open connection that carries, or has carried, media. */
export async function summariseConnections(): Promise<ConnectionStats[]> {
  const summaries = await Promise.all(openConnections().map(summariseConnection));
  return summaries.filter(({ streams }) => streams.length > 0);
}

async function summariseConnection(connection: RTCPeerConnection): Promise<ConnectionStats> {
  const reports: Report[] = [];
  (await connection.getStats()).forEach((report: Report) => reports.push(report));
  const byId = new Map(reports.map((report) => [report.id, report]));
  const transport = reports.find(({ type }) => type === 'transport');
  const roundTripS = pairInUse(reports, transport)?.['currentRoundTripTime'];
  return {
    state: connection.connectionState,
    dtlsCipher: text(transport?.['dtlsCipher']),
    srtpCipher: text(transport?.['srtpCipher']),
    roundTripMs: typeof roundTripS === 'number' ? roundTripS * 1000 : null,
    streams: reports
      .filter(({ type }) => type === 'inbound-rtp' || type === 'outbound-rtp')
      .map((report) => summariseStream(report, byId)),
  };
}

interface Report {
  readonly id: string;
  readonly type: string;
  readonly [field: string]: unknown;
}

function pairInUse(reports: readonly Report[], transport: Report | undefined): Report | undefined {
  const wanted = transport?.['selectedCandidatePairId'];
  return reports.find(
    // Firefox has no transport report, and marks the pair itself.
    ({ id, type, ...fields }) =>
      type === 'candidate-pair' && (wanted === undefined ? fields['selected'] === true : id === wanted),
  );
}

function summariseStream(report: Report, byId: ReadonlyMap<string, Report>): StreamStats {
  const inbound = report.type === 'inbound-rtp';
  const codec = byId.get(String(report['codecId']));
  const emitted = count(report['jitterBufferEmittedCount']) ?? 0;
  return {
    direction: inbound ? 'inbound' : 'outbound',
    kind: String(report['kind']),
    codec: text(codec?.['mimeType']),
    packets: count(report[inbound ? 'packetsReceived' : 'packetsSent']) ?? 0,
    bytes: count(report[inbound ? 'bytesReceived' : 'bytesSent']) ?? 0,
    packetsLost: count(report['packetsLost']),
    nackCount: count(report['nackCount']) ?? 0,
    pliCount: count(report['pliCount']) ?? 0,
    framesDecoded: count(report['framesDecoded']),
    framesPerSecond: count(report['framesPerSecond']),
    freezeCount: count(report['freezeCount']),
    jitterBufferMs: emitted > 0 ? ((count(report['jitterBufferDelay']) ?? 0) / emitted) * 1000 : null,
  };
}

function count(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
