/** Merges flags, environment and config file; the first that names an option counts. */
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { isTurnUrl } from './ice-servers.ts';
import type { LogLevel } from '@casto/nodejs';
import { readConfigFile, readEnvironment, readFlags } from './option-sources.ts';
import type { Environment, RawValues } from './option-sources.ts';
import { commands, options } from './options.ts';
import type { RawValue } from './options.ts';
import { UsageError } from './usage-error.ts';

export interface Settings {
  port: number;
  host: string;
  /** Null: nothing is kept. */
  dataDir: string | null;
  peers: string[];
  announce: string[];
  /** Null: by the number of processes. */
  maxViewers: number | null;
  processes: number | 'auto';
  p2pPort: number;
  mediaPort: number;
  stunPort: number;
  stun: boolean;
  /** STUN and TURN servers besides the relay itself. */
  iceServers: string[];
  turnSecret: string | null;
  turnHours: number;
  publishToken: string | null;
  allowOrigins: string[];
  mdns: boolean;
  listing: boolean;
  json: boolean;
  /** Null: by whether somebody reads along. */
  logFormat: 'human' | 'json' | null;
  logLevel: LogLevel | null;
  drainMs: number;
  maxChannels: number;
  maxJoinsPerSecond: number;
  maxPeersPerIp: number;
  /** Null: no limit. */
  maxMemoryBytes: number | null;
  /** Null: no limit. */
  maxChannelBitrateBps: number | null;
  maxConnectionsPerIp: number;
  metricsToken: string | null;
  publicMetrics: boolean;
  /** Null: the dashboard is for this machine. */
  dashboardToken: string | null;
}

export type Command = { kind: 'help' } | { kind: 'version' } | { kind: 'run'; settings: Settings };

const bytesPerMb = 1_000_000;

/** @throws {UsageError} */
export function readCommand(argv: readonly string[], env: Environment): Command {
  const flags = readFlags(argv);
  if (flags.has(commands.help.flag)) return { kind: 'help' };
  if (flags.has(commands.version.flag)) return { kind: 'version' };
  const environment = readEnvironment(env);
  const config = (flags.get(commands.config.flag) ?? environment.get(commands.config.flag))?.texts.at(-1);
  const file: RawValues = config === undefined ? new Map() : readConfigFile(config);
  const find = (flag: string): RawValue | undefined =>
    flags.get(flag) ?? environment.get(flag) ?? file.get(flag);
  const settings = collect(find, env);
  checkPorts(settings);
  checkTurn(settings);
  checkMetrics(settings);
  return { kind: 'run', settings };
}

function collect(find: (flag: string) => RawValue | undefined, env: Environment): Settings {
  const read = <T>(option: { flag: string; read(raw: RawValue | undefined): T }): T =>
    option.read(find(option.flag));
  const data = read(options.data) ?? defaultDataDir(env, process.platform);
  return {
    port: read(options.port),
    host: read(options.host),
    dataDir: data === '' || data === 'none' ? null : data,
    peers: read(options.peer),
    announce: read(options.announce),
    maxViewers: read(options.maxViewers),
    processes: read(options.processes),
    p2pPort: read(options.p2pPort),
    mediaPort: read(options.mediaPort),
    stunPort: read(options.stunPort),
    stun: !read(options.noStun),
    iceServers: read(options.iceServer),
    turnSecret: read(options.turnSecret),
    turnHours: read(options.turnHours),
    publishToken: read(options.publishToken),
    allowOrigins: read(options.allowOrigin),
    mdns: !read(options.noMdns),
    listing: !read(options.noListing),
    json: read(options.json),
    logFormat: read(options.logFormat),
    logLevel: read(options.logLevel),
    drainMs: 1_000 * read(options.drainSeconds),
    maxChannels: read(options.maxChannels),
    maxJoinsPerSecond: read(options.maxJoinsPerSecond),
    maxPeersPerIp: read(options.maxPeersPerIp),
    maxMemoryBytes: bytesPerMb * read(options.maxMemoryMb) || null,
    maxChannelBitrateBps: 1_000 * read(options.maxChannelKbps) || null,
    maxConnectionsPerIp: read(options.maxConnectionsPerIp),
    metricsToken: read(options.metricsToken),
    publicMetrics: read(options.publicMetrics),
    dashboardToken: read(options.dashboardToken),
  };
}

/** The same port twice would fail at the bind, with a line that names only one of the two. */
function checkPorts({ port, p2pPort, mediaPort, stunPort, stun }: Settings): void {
  if (p2pPort > 0 && (port === p2pPort || port === p2pPort + 1)) {
    throw new UsageError(
      `--p2p-port ${p2pPort} takes TCP ports ${p2pPort} and ${p2pPort + 1}, --port is ${port}`,
    );
  }
  const inUdp = new Map([
    ['--p2p-port', p2pPort],
    ['--media-port', mediaPort],
    ['--stun-port', stun ? stunPort : 0],
  ]);
  for (const [flag, chosen] of inUdp) {
    const other = [...inUdp].find(([name, value]) => name !== flag && value === chosen && value > 0);
    if (other !== undefined) {
      throw new UsageError(`${flag} and ${other[0]} are both ${chosen} in UDP; choose two`);
    }
  }
}

/** Browsers refuse TURN servers without credentials, and with them the whole connection. */
function checkTurn({ iceServers, turnSecret }: Settings): void {
  const turn = iceServers.find(isTurnUrl);
  if (turn !== undefined && turnSecret === null) {
    throw new UsageError(`--ice-server ${turn} needs --turn-secret, the static-auth-secret of that server`);
  }
}

function checkMetrics({ metricsToken, publicMetrics }: Settings): void {
  if (metricsToken === null || !publicMetrics) return;
  throw new UsageError('--metrics-token and --public-metrics contradict each other; choose one');
}

/** See the XDG Base Directory Specification: a relative path there is to be ignored. */
export function defaultDataDir(env: Environment, platform: NodeJS.Platform): string {
  const configured = platform === 'win32' ? env['LOCALAPPDATA'] : env['XDG_DATA_HOME'];
  const fallback = platform === 'win32' ? ['AppData', 'Local'] : ['.local', 'share'];
  const base = configured !== undefined && isAbsolute(configured) ? configured : join(homedir(), ...fallback);
  return join(base, 'casto-relay');
}
