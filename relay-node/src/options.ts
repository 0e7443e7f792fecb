/**
 * The options of the relay. This one table drives flags, environment, config file, help and the
 * README: `--max-viewers`, CASTO_MAX_VIEWERS and `"max-viewers"` are the same option.
 */
import { isIP } from 'node:net';
import { parseIceServerUrl } from './ice-servers.ts';
import { parseAddress } from './public-address.ts';
import { UsageError } from './usage-error.ts';

/** What was written for one option, and where; a list in a file or a repeated flag has several texts. */
export interface RawValue {
  label: string;
  texts: readonly string[];
}

export interface Option<T> {
  readonly flag: string;
  /** What stands for the value in the help; null for a switch. */
  readonly placeholder: string | null;
  readonly repeatable: boolean;
  /** The default, in words. */
  readonly fallbackText: string;
  readonly help: string;
  /** @throws {UsageError} */
  read(raw: RawValue | undefined): T;
}

const highestPort = 65_535;
const mostViewers = 100_000;
/** What the relay takes. */
const mostProcesses = 64;
const longestTextChars = 512;
const mostListItems = 64;
/** Pages take eight, the relay's own among them; each one more makes connections slower. */
const mostIceServers = 7;
const mostTurnHours = 7 * 24;
/** What relays name to each other. */
const mostChannels = 500;
/** What children can be told: ten minutes. */
const mostDrainSeconds = 600;

export const options = {
  port: wholeNumber({
    flag: 'port',
    range: [0, highestPort],
    fallback: 8080,
    help: 'TCP port of the HTTP server; 0 takes a free one',
  }),
  host: single({
    flag: 'host',
    placeholder: 'IP',
    expects: 'an IP address of this machine',
    fallback: '0.0.0.0',
    fallbackText: '0.0.0.0, all of IPv4',
    help: 'address to listen on, for HTTP and everything else',
    parse: (text) => (text === 'localhost' ? '127.0.0.1' : isIP(text) > 0 ? text : undefined),
  }),
  data: single({
    flag: 'data',
    placeholder: 'DIR',
    expects: 'a folder, or none',
    fallback: null,
    fallbackText: '~/.local/share/casto-relay',
    help: 'folder that keeps identity, certificate and ports; none keeps nothing',
    parse: (text) => text,
  }),
  peer: list({
    flag: 'peer',
    placeholder: 'MULTIADDR',
    expects: 'a multiaddr such as /ip4/192.0.2.1/tcp/4001/p2p/12D3KooW...',
    help: 'another relay to connect to',
    parse: (text) => (/^(?:\/[^/\s]+){2,}$/.test(text) ? text : undefined),
  }),
  announce: list({
    flag: 'announce',
    placeholder: 'ADDRESS',
    expects: 'a public IP address or DNS name',
    help: 'public address of this relay, if the machine does not carry it itself',
    parse: parseAddress,
  }),
  maxViewers: single({
    flag: 'max-viewers',
    placeholder: 'N',
    expects: `a whole number from 0 to ${mostViewers}`,
    fallback: null,
    fallbackText: '600 per process that serves them',
    help: 'viewers served at once; 0 introduces peers and carries no media',
    parse: (text) => parseWhole(text, [0, mostViewers]),
  }),
  processes: single<number | 'auto', number>({
    flag: 'processes',
    placeholder: 'N',
    expects: `a whole number from 1 to ${mostProcesses}, or auto`,
    fallback: 1,
    fallbackText: '1',
    help: 'processes; from 2 on the first takes channels in and the others serve viewers; auto is one per core',
    parse: (text) => (text === 'auto' ? text : parseWhole(text, [1, mostProcesses])),
  }),
  p2pPort: wholeNumber({
    flag: 'p2p-port',
    // WebSocket takes the next one.
    range: [0, highestPort - 1],
    fallback: 0,
    fallbackText: 'chosen once, kept in the data folder',
    help: 'libp2p: TCP, WebSocket on the next port, webrtc-direct on the same one in UDP',
  }),
  mediaPort: wholeNumber({
    flag: 'media-port',
    range: [0, highestPort],
    fallback: 0,
    fallbackText: 'chosen once, kept in the data folder',
    help: 'UDP port of the media; further processes take the following ones',
  }),
  stunPort: wholeNumber({
    flag: 'stun-port',
    range: [0, highestPort],
    fallback: 0,
    fallbackText: 'chosen once, kept in the data folder',
    help: 'UDP port of STUN, which tells pages their public addresses',
  }),
  noStun: toggle({ flag: 'no-stun', help: 'do not answer STUN' }),
  iceServer: list({
    flag: 'ice-server',
    placeholder: 'URL',
    expects: 'a URL such as stun:stun.example.org:3478 or turn:turn.example.org?transport=tcp',
    help: 'STUN or TURN server that pages are told to use besides this relay',
    most: mostIceServers,
    parse: parseIceServerUrl,
  }),
  turnSecret: single({
    flag: 'turn-secret',
    placeholder: 'SECRET',
    expects: 'between 1 and 256 printable characters',
    fallback: null,
    fallbackText: 'none',
    help: 'shared with the TURN servers, their static-auth-secret; better set through the environment',
    secret: true,
    parse: parseSecret,
  }),
  turnHours: wholeNumber({
    flag: 'turn-hours',
    range: [1, mostTurnHours],
    fallback: 12,
    help: 'hours until TURN credentials expire',
  }),
  publishToken: single({
    flag: 'publish-token',
    placeholder: 'SECRET',
    expects: 'between 1 and 256 printable characters',
    fallback: null,
    fallbackText: 'anybody may broadcast',
    help: 'asked of streamers; better set through the environment, where other users do not see it',
    secret: true,
    parse: parseSecret,
  }),
  allowOrigin: list({
    flag: 'allow-origin',
    placeholder: 'ORIGIN',
    expects: 'an origin such as https://example.org, or *',
    help: 'origin of pages that may read /health; /casto.js and /.well-known/casto.json are open to all',
    parse: parseOrigin,
  }),
  noMdns: toggle({ flag: 'no-mdns', help: 'do not look for other relays on the local network' }),
  noListing: toggle({
    flag: 'no-listing',
    help: 'list no live channels to pages and other relays; who has a link watches all the same',
  }),
  json: toggle({ flag: 'json', help: 'print one JSON object per line' }),
  logFormat: choice({
    flag: 'log-format',
    placeholder: 'FORMAT',
    values: ['human', 'json'],
    fallbackText: 'human on a terminal, else json',
    help: 'of the log on stderr: human or json, an object per line',
  }),
  logLevel: choice({
    flag: 'log-level',
    placeholder: 'LEVEL',
    values: ['error', 'warn', 'info', 'debug'],
    fallbackText: 'info',
    help: 'least of error, warn, info and debug that is logged',
  }),
  drainSeconds: wholeNumber({
    flag: 'drain-seconds',
    range: [0, mostDrainSeconds],
    fallback: 3,
    help: 'time that viewers get to move elsewhere when the relay is told to stop',
  }),
  maxChannels: wholeNumber({
    flag: 'max-channels',
    range: [1, mostChannels],
    fallback: mostChannels,
    help: 'channels carried at once',
  }),
  maxJoinsPerSecond: wholeNumber({
    flag: 'max-joins-per-second',
    range: [1, 10_000],
    fallback: 200,
    help: 'joins judged per second, twice as many at once; others are told to come again',
  }),
  maxPeersPerIp: wholeNumber({
    flag: 'max-peers-per-ip',
    range: [1, 5_000],
    fallback: 500,
    help: 'libp2p connections of one public address, one for each viewer behind it',
  }),
  maxMemoryMb: wholeNumber({
    flag: 'max-memory-mb',
    range: [0, 1_048_576],
    fallback: 0,
    fallbackText: '0, no limit',
    help: 'megabytes of memory beyond which viewers are sent elsewhere',
  }),
  maxChannelKbps: wholeNumber({
    flag: 'max-channel-kbps',
    range: [0, 1_000_000],
    fallback: 0,
    fallbackText: '0, no limit',
    help: 'kilobits per second that a broadcast may bring in; twice as much for seconds ends its link',
  }),
  maxConnectionsPerIp: wholeNumber({
    flag: 'max-connections-per-ip',
    range: [1, 1_024],
    fallback: 64,
    help: 'HTTP connections of one public address; private ones may be proxies and are not limited',
  }),
  metricsToken: single({
    flag: 'metrics-token',
    placeholder: 'SECRET',
    expects: 'between 1 and 256 printable characters',
    fallback: null,
    fallbackText: 'private addresses only',
    help: 'bearer token asked of those who read /metrics; better set through the environment',
    secret: true,
    parse: parseSecret,
  }),
  publicMetrics: toggle({ flag: 'public-metrics', help: 'let everybody read /metrics' }),
  dashboardToken: single({
    flag: 'dashboard-token',
    placeholder: 'SECRET',
    expects: 'between 1 and 256 printable characters',
    fallback: null,
    fallbackText: 'this machine only',
    help: 'asked of those who open /dashboard, from anywhere; better set through the environment',
    secret: true,
    parse: parseSecret,
  }),
} satisfies Record<string, Option<unknown>>;

/** Written on the command line only, except the config file, which may stand in the environment. */
export const commands = {
  config: { flag: 'config', placeholder: 'FILE', help: 'JSON file with options, named as the flags' },
  help: { flag: 'help', short: 'h', placeholder: null, help: 'print this help' },
  version: { flag: 'version', short: 'v', placeholder: null, help: 'print the version' },
} as const;

export function environmentName(flag: string): string {
  return `CASTO_${flag.toUpperCase().replaceAll('-', '_')}`;
}

interface SingleSpec<T, F> {
  flag: string;
  placeholder: string;
  expects: string;
  fallback: F;
  fallbackText: string;
  help: string;
  secret?: boolean;
  /** `undefined` when the text is not acceptable. */
  parse: (text: string) => T | undefined;
}

function single<T, F>(spec: SingleSpec<T, F>): Option<T | F> {
  return {
    ...spec,
    repeatable: false,
    read(raw) {
      // A flag given twice: the last one counts, so that scripts can be overridden.
      const text = raw?.texts.at(-1);
      if (raw === undefined || text === undefined) return spec.fallback;
      return accept(raw.label, text, spec);
    },
  };
}

function wholeNumber(spec: {
  flag: string;
  range: readonly [number, number];
  fallback: number;
  fallbackText?: string;
  help: string;
}): Option<number> {
  const [least, most] = spec.range;
  return single({
    ...spec,
    placeholder: 'N',
    expects: `a whole number from ${least} to ${most}`,
    fallbackText: spec.fallbackText ?? String(spec.fallback),
    parse: (text) => parseWhole(text, spec.range),
  });
}

function parseWhole(text: string, [least, most]: readonly [number, number]): number | undefined {
  const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : undefined;
  return value !== undefined && value >= least && value <= most ? value : undefined;
}

function choice<const T extends string>(spec: {
  flag: string;
  placeholder: string;
  values: readonly T[];
  fallbackText: string;
  help: string;
}): Option<T | null> {
  return single({
    ...spec,
    fallback: null,
    expects: `one of ${spec.values.join(', ')}`,
    parse: (text) => spec.values.find((value) => value === text.toLowerCase()),
  });
}

function list(spec: {
  flag: string;
  placeholder: string;
  expects: string;
  help: string;
  /** Values that it takes. */
  most?: number;
  parse: (text: string) => string | undefined;
}): Option<string[]> {
  const { most = mostListItems } = spec;
  return {
    ...spec,
    repeatable: true,
    fallbackText: 'none',
    read(raw) {
      if (raw === undefined) return [];
      const items = raw.texts.flatMap((text) => text.split(/[\s,]+/)).filter((text) => text !== '');
      if (items.length > most) {
        throw new UsageError(`${raw.label} takes at most ${most} values, got ${items.length}`);
      }
      return [...new Set(items.map((item) => accept(raw.label, item, spec)))];
    },
  };
}

function toggle(spec: { flag: string; help: string }): Option<boolean> {
  return {
    ...spec,
    placeholder: null,
    repeatable: false,
    fallbackText: 'off',
    read(raw) {
      const text = raw?.texts.at(-1);
      if (raw === undefined || text === undefined) return false;
      return accept(raw.label, text.toLowerCase(), { expects: 'true or false', parse: parseToggle });
    },
  };
}

function parseToggle(text: string): boolean | undefined {
  if (['1', 'true', 'yes', 'on'].includes(text)) return true;
  if (['0', 'false', 'no', 'off'].includes(text)) return false;
  return undefined;
}

function parseSecret(text: string): string | undefined {
  return /^[\x21-\x7e]{1,256}$/.test(text) ? text : undefined;
}

function parseOrigin(text: string): string | undefined {
  if (text === '*') return text;
  if (!URL.canParse(text)) return undefined;
  const { protocol, origin, href } = new URL(text);
  return /^https?:$/.test(protocol) && href === `${origin}/` ? origin : undefined;
}

function accept<T>(
  label: string,
  text: string,
  spec: { expects: string; secret?: boolean; parse: (text: string) => T | undefined },
): T {
  const value = text.length <= longestTextChars ? spec.parse(text) : undefined;
  if (value !== undefined) return value;
  const got = spec.secret === true ? '' : `, got ${quote(text)}`;
  throw new UsageError(`${label} must be ${spec.expects}${got}`);
}

const longestQuoteChars = 80;

/** On one line, whatever was typed. */
export function quote(text: string): string {
  return JSON.stringify(text.length > longestQuoteChars ? `${text.slice(0, longestQuoteChars)}...` : text);
}
