/**
 * Looks after the start whether this machine lets the relay do what it was asked to. What it finds is advice in plain
 * words and never stops the relay: a check from inside cannot know all that lies outside.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, isIP } from 'node:net';
import { totalmem } from 'node:os';
import { askStun } from './stun-question.ts';

export interface SelfTestSubject {
  /** Address that is listened on. */
  host: string;
  /** What was said with --announce. */
  announce: readonly string[];
  /** Where the relay says to be, announced addresses among them. */
  multiaddrs: readonly string[];
  /** UDP; further processes have the following ones. */
  mediaPort: number;
  /** UDP; null: no STUN. */
  stunPort: number | null;
  processes: number;
  maxViewers: number;
  maxMemoryBytes: number | null;
}

/** What the machine says about itself. */
export interface Machine {
  /** Files and sockets that the process may have open; null where that is unknown. */
  openFileLimit: number | null;
  /** As far as the process may use it. */
  memoryBytes: number;
  /** Wall clock, milliseconds since 1970. */
  now: number;
}

export type SelfTestCheck =
  'announced-address' | 'stun-port' | 'media-port' | 'open-files' | 'memory' | 'clock';

export interface Advice {
  check: SelfTestCheck;
  advice: string;
}

const connectMs = 3_000;
/** HTTP connections, other relays, and what Node itself has open. */
const filesBesidesViewers = 1_300;
/** 0.2 to 0.3 MB for each viewer (docs/benchmarks.md); an idle relay takes 120 MB. */
const bytesPerViewer = 300_000;
const bytesWithoutViewers = 150_000_000;
/** A worker without links takes 70 MB. */
const bytesPerWorker = 80_000_000;
/** Before this program was made, and after anybody should still run it. */
const earliest = Date.UTC(2026, 0, 1);
const latest = Date.UTC(2046, 0, 1);

/** @returns What should be looked at; empty when all is well. Never rejects. */
export async function selfTest(subject: SelfTestSubject): Promise<Advice[]> {
  const [announced, stun, media, machine] = await Promise.all([
    checkAnnounced(subject),
    checkStun(subject),
    checkMediaPorts(subject),
    readMachine(),
  ]);
  return [...announced, ...stun, ...media, ...adviceOn(subject, machine)];
}

/** What the numbers alone say. */
export function adviceOn(subject: SelfTestSubject, machine: Machine): Advice[] {
  const { maxViewers, maxMemoryBytes, processes } = subject;
  const { openFileLimit, memoryBytes, now } = machine;
  const found: Advice[] = [];
  const files = maxViewers + filesBesidesViewers;
  if (openFileLimit !== null && openFileLimit < files) {
    const advice = `${maxViewers} viewers may need ${files} open files, and the limit is ${openFileLimit}; raise it (ulimit -n, LimitNOFILE of systemd) or lower --max-viewers`;
    found.push({ check: 'open-files', advice });
  }
  const bytes = bytesWithoutViewers + (processes - 1) * bytesPerWorker + maxViewers * bytesPerViewer;
  if (memoryBytes < bytes) {
    const advice = `${maxViewers} viewers may need ${megabytes(bytes)}, and there are ${megabytes(memoryBytes)}; lower --max-viewers`;
    found.push({ check: 'memory', advice });
  }
  if (maxMemoryBytes !== null && maxMemoryBytes > memoryBytes) {
    const advice = `--max-memory-mb allows ${megabytes(maxMemoryBytes)}, and there are ${megabytes(memoryBytes)}; lower it`;
    found.push({ check: 'memory', advice });
  }
  if (now < earliest || now > latest) {
    const advice = `the clock says ${new Date(now).toISOString()}, so announcements of channels count as expired or forged; set it, with NTP at best`;
    found.push({ check: 'clock', advice });
  }
  return found;
}

async function checkAnnounced({ announce, multiaddrs }: SelfTestSubject): Promise<Advice[]> {
  const found = await Promise.all(
    announce.map(async (address): Promise<Advice[]> => {
      const port = tcpPortAt(address, multiaddrs);
      const problem = port === null ? null : await problemAt(address, port);
      return problem === null ? [] : [{ check: 'announced-address', advice: problem }];
    }),
  );
  return found.flat();
}

/** Of what comes over UDP the only thing that answers whoever asks; a firewall that lets it in may not forget the rest. */
async function checkStun({ announce, stunPort }: SelfTestSubject): Promise<Advice[]> {
  if (stunPort === null) return [];
  const hosts = announce.filter((address) => !address.startsWith('/'));
  const found = await Promise.all(
    hosts.map(async (host): Promise<Advice[]> => {
      // Of a name without an address the other check tells.
      if ((await askStun(host, stunPort)) !== 'silent') return [];
      const advice = `${host} does not answer on UDP port ${stunPort} (STUN), asked from this machine; open UDP in the firewall, for this port, the media and libp2p, and forward it in the router (some routers never answer themselves)`;
      return [{ check: 'stun-port', advice }];
    }),
  );
  return found.flat();
}

function tcpPortAt(address: string, multiaddrs: readonly string[]): number | null {
  for (const multiaddr of multiaddrs) {
    const [, , host, protocol, port] = multiaddr.split('/');
    if (host === address && protocol === 'tcp') return Number(port);
  }
  return null;
}

async function problemAt(address: string, port: number): Promise<string | null> {
  const socket = connect({ host: address, port });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(connectMs) });
    return null;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (isIP(address) === 0 && (code === 'ENOTFOUND' || code === 'EAI_AGAIN')) {
      return `the announced name ${address} has no address; make a DNS record for it`;
    }
    return `${address} does not answer on TCP port ${port}, asked from this machine; open the port in the firewall and forward it in the router (some routers never answer themselves)`;
  } finally {
    socket.on('error', () => {});
    socket.destroy();
  }
}

async function checkMediaPorts({ host, mediaPort, processes }: SelfTestSubject): Promise<Advice[]> {
  const ports = Array.from({ length: processes }, (_, index) => mediaPort + index);
  return (await Promise.all(ports.map((port) => checkMediaPort(host, port)))).flat();
}

/** It is ours when nobody else can have it. */
async function checkMediaPort(host: string, mediaPort: number): Promise<Advice[]> {
  const socket = createSocket(isIP(host) === 6 ? 'udp6' : 'udp4');
  try {
    socket.bind({ address: host, port: mediaPort, exclusive: true });
    await once(socket, 'listening');
    const advice = `nothing listens on UDP port ${mediaPort}, so no video can come or go; restart the relay, and report it when that does not help`;
    return [{ check: 'media-port', advice }];
  } catch {
    return [];
  } finally {
    socket.close();
  }
}

async function readMachine(): Promise<Machine> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '');
  const files = /^Max open files +(\d+)/m.exec(limits)?.[1];
  // In a container less than the machine has; unlimited is told as more than there is.
  const constrained = process.constrainedMemory();
  const memoryBytes = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
  return { openFileLimit: files === undefined ? null : Number(files), memoryBytes, now: Date.now() };
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1_000_000)} MB`;
}
