import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { options } from '../src/options.ts';
import { defaultDataDir, readCommand } from '../src/settings.ts';
import type { Settings } from '../src/settings.ts';
import { UsageError } from '../src/usage-error.ts';

let dir: string;
let configFile: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'casto-settings-'));
  configFile = join(dir, 'relay.json');
});

afterAll(() => rm(dir, { recursive: true, force: true }));

function settingsOf(argv: string[], env: Record<string, string> = {}): Settings {
  const command = readCommand(argv, env);
  if (command.kind !== 'run') throw new Error(`got ${command.kind}`);
  return command.settings;
}

function lineOf(argv: string[], env: Record<string, string> = {}): string {
  try {
    settingsOf(argv, env);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  throw new Error('was accepted');
}

const peerA = '/ip4/192.0.2.1/tcp/4001/p2p/12D3KooWA';
const peerB = '/dns4/relay.example/tcp/4002/ws/p2p/12D3KooWB';

describe('without anything said', () => {
  test('the defaults', () => {
    expect(settingsOf([])).toEqual({
      port: 8080,
      host: '0.0.0.0',
      dataDir: join(homedir(), '.local', 'share', 'casto-relay'),
      peers: [],
      announce: [],
      maxViewers: null,
      processes: 1,
      p2pPort: 0,
      mediaPort: 0,
      stunPort: 0,
      stun: true,
      iceServers: [],
      turnSecret: null,
      turnHours: 12,
      publishToken: null,
      allowOrigins: [],
      mdns: true,
      listing: true,
      json: false,
      logFormat: null,
      logLevel: null,
      drainMs: 3_000,
      maxChannels: 500,
      maxJoinsPerSecond: 200,
      maxPeersPerIp: 500,
      maxMemoryBytes: null,
      maxChannelBitrateBps: null,
      maxConnectionsPerIp: 64,
      metricsToken: null,
      publicMetrics: false,
      dashboardToken: null,
    });
  });

  test('the data folder follows the conventions of the system', () => {
    expect(defaultDataDir({ XDG_DATA_HOME: '/srv/data' }, 'linux')).toBe('/srv/data/casto-relay');
    expect(defaultDataDir({ XDG_DATA_HOME: 'relative' }, 'linux')).toBe(
      join(homedir(), '.local/share/casto-relay'),
    );
    expect(defaultDataDir({ LOCALAPPDATA: '/appdata' }, 'win32')).toBe('/appdata/casto-relay');
  });
});

interface Example {
  key: keyof Settings;
  flag: keyof typeof options;
  /** As written on the command line, in the environment, and in the file; with what they mean. */
  argv: [string[], unknown];
  env: [string, unknown];
  file: [unknown, unknown];
}

const examples: Example[] = [
  { key: 'port', flag: 'port', argv: [['--port', '1'], 1], env: ['2', 2], file: [3, 3] },
  {
    key: 'host',
    flag: 'host',
    argv: [['--host', '::1'], '::1'],
    env: ['127.0.0.2', '127.0.0.2'],
    file: ['127.0.0.3', '127.0.0.3'],
  },
  { key: 'dataDir', flag: 'data', argv: [['--data', ''], null], env: ['none', null], file: ['/c', '/c'] },
  {
    key: 'peers',
    flag: 'peer',
    argv: [
      ['--peer', peerA, `--peer=${peerB}`],
      [peerA, peerB],
    ],
    env: [`${peerB}, ${peerA}`, [peerB, peerA]],
    file: [[peerA], [peerA]],
  },
  {
    key: 'announce',
    flag: 'announce',
    argv: [
      ['--announce', '192.0.2.9,Relay.Example'],
      ['192.0.2.9', 'relay.example'],
    ],
    env: ['2001:db8::1', ['2001:db8::1']],
    file: ['a.example', ['a.example']],
  },
  { key: 'maxViewers', flag: 'maxViewers', argv: [['--max-viewers', '0'], 0], env: ['2', 2], file: ['3', 3] },
  {
    key: 'processes',
    flag: 'processes',
    argv: [['--processes', 'auto'], 'auto'],
    env: ['2', 2],
    file: [64, 64],
  },
  {
    key: 'p2pPort',
    flag: 'p2pPort',
    argv: [['--p2p-port', '4001'], 4001],
    env: ['4002', 4002],
    file: [4003, 4003],
  },
  {
    key: 'mediaPort',
    flag: 'mediaPort',
    argv: [['--media-port', '5001'], 5001],
    env: ['5002', 5002],
    file: [5003, 5003],
  },
  {
    key: 'stunPort',
    flag: 'stunPort',
    argv: [['--stun-port', '3478'], 3478],
    env: ['3479', 3479],
    file: [3480, 3480],
  },
  { key: 'stun', flag: 'noStun', argv: [['--no-stun'], false], env: ['0', true], file: [true, false] },
  {
    key: 'iceServers',
    flag: 'iceServer',
    argv: [
      ['--ice-server', 'stun:a.example', '--ice-server', 'STUN:B.Example:3478'],
      ['stun:a.example', 'stun:b.example:3478'],
    ],
    env: ['stun:192.0.2.1, stun:[2001:db8::1]:19302', ['stun:192.0.2.1', 'stun:[2001:db8::1]:19302']],
    file: [['stun:c.example'], ['stun:c.example']],
  },
  {
    key: 'turnSecret',
    flag: 'turnSecret',
    argv: [['--turn-secret', 's1'], 's1'],
    env: ['s2', 's2'],
    file: ['s3', 's3'],
  },
  { key: 'turnHours', flag: 'turnHours', argv: [['--turn-hours', '1'], 1], env: ['2', 2], file: [168, 168] },
  {
    key: 'publishToken',
    flag: 'publishToken',
    argv: [['--publish-token', 's1'], 's1'],
    env: ['s2', 's2'],
    file: ['s3', 's3'],
  },
  {
    key: 'allowOrigins',
    flag: 'allowOrigin',
    argv: [['--allow-origin', 'https://a.example/'], ['https://a.example']],
    env: ['*', ['*']],
    file: [['http://b.example:81'], ['http://b.example:81']],
  },
  { key: 'mdns', flag: 'noMdns', argv: [['--no-mdns'], false], env: ['0', true], file: [true, false] },
  {
    key: 'listing',
    flag: 'noListing',
    argv: [['--no-listing'], false],
    env: ['0', true],
    file: [true, false],
  },
  { key: 'json', flag: 'json', argv: [['--json'], true], env: ['false', false], file: [true, true] },
  {
    key: 'logFormat',
    flag: 'logFormat',
    argv: [['--log-format', 'JSON'], 'json'],
    env: ['human', 'human'],
    file: ['json', 'json'],
  },
  {
    key: 'logLevel',
    flag: 'logLevel',
    argv: [['--log-level=debug'], 'debug'],
    env: ['warn', 'warn'],
    file: ['error', 'error'],
  },
  {
    key: 'drainMs',
    flag: 'drainSeconds',
    argv: [['--drain-seconds', '1'], 1000],
    env: ['2', 2000],
    file: [3, 3000],
  },
  {
    key: 'maxChannels',
    flag: 'maxChannels',
    argv: [['--max-channels', '1'], 1],
    env: ['2', 2],
    file: [3, 3],
  },
  {
    key: 'maxJoinsPerSecond',
    flag: 'maxJoinsPerSecond',
    argv: [['--max-joins-per-second', '1'], 1],
    env: ['2', 2],
    file: [3, 3],
  },
  {
    key: 'maxPeersPerIp',
    flag: 'maxPeersPerIp',
    argv: [['--max-peers-per-ip', '1'], 1],
    env: ['2', 2],
    file: [3, 3],
  },
  {
    key: 'maxMemoryBytes',
    flag: 'maxMemoryMb',
    argv: [['--max-memory-mb', '512'], 512_000_000],
    env: ['0', null],
    file: [1, 1_000_000],
  },
  {
    key: 'maxChannelBitrateBps',
    flag: 'maxChannelKbps',
    argv: [['--max-channel-kbps', '2500'], 2_500_000],
    env: ['0', null],
    file: [1, 1_000],
  },
  {
    key: 'maxConnectionsPerIp',
    flag: 'maxConnectionsPerIp',
    argv: [['--max-connections-per-ip', '1'], 1],
    env: ['2', 2],
    file: [3, 3],
  },
  {
    key: 'metricsToken',
    flag: 'metricsToken',
    argv: [['--metrics-token', 's1'], 's1'],
    env: ['s2', 's2'],
    file: ['s3', 's3'],
  },
  {
    key: 'publicMetrics',
    flag: 'publicMetrics',
    argv: [['--public-metrics'], true],
    env: ['0', false],
    file: [true, true],
  },
  {
    key: 'dashboardToken',
    flag: 'dashboardToken',
    argv: [['--dashboard-token', 's1'], 's1'],
    env: ['s2', 's2'],
    file: ['s3', 's3'],
  },
];

describe('a flag wins over the environment, the environment over the file', () => {
  test('every option of the table has an example here', () => {
    expect(examples.map(({ flag }) => flag).sort()).toEqual(Object.keys(options).sort());
  });

  test.each(examples)('$flag', async ({ key, flag, argv, env, file }) => {
    const name = options[flag].flag;
    const variable = `CASTO_${name.toUpperCase().replaceAll('-', '_')}`;
    await writeFile(configFile, JSON.stringify({ [name]: file[0] }));
    const config = ['--config', configFile];
    expect(settingsOf(config)[key]).toEqual(file[1]);
    expect(settingsOf(config, { [variable]: env[0] })[key]).toEqual(env[1]);
    expect(settingsOf([...config, ...argv[0]], { [variable]: env[0] })[key]).toEqual(argv[1]);
    expect(settingsOf([], { [variable]: env[0], CASTO_CONFIG: configFile })[key]).toEqual(env[1]);
  });

  test('an empty variable counts as unset', () => {
    expect(settingsOf([], { CASTO_PORT: '', CASTO_PEER: '', CASTO_CONFIG: '' }).port).toBe(8080);
  });

  test('the last of a flag given twice counts, and lists do not repeat themselves', () => {
    expect(settingsOf(['--port', '1', '--port', '2']).port).toBe(2);
    expect(settingsOf(['--peer', peerA, '--peer', peerA]).peers).toEqual([peerA]);
  });

  test('help and version come before anything else is looked at', () => {
    expect(readCommand(['--port', 'x', '--help'], {})).toEqual({ kind: 'help' });
    expect(readCommand(['-h'], {})).toEqual({ kind: 'help' });
    expect(readCommand(['--version'], { CASTO_PORT: 'x' })).toEqual({ kind: 'version' });
  });
});

describe('what is wrong is said in one line', () => {
  test.each<[string[], string]>([
    [['--port', 'x'], '--port must be a whole number from 0 to 65535, got "x"'],
    [['--port', '65536'], '--port must be a whole number from 0 to 65535, got "65536"'],
    [['--port=-1'], '--port must be a whole number from 0 to 65535, got "-1"'],
    [['--port', '8e3'], '--port must be a whole number from 0 to 65535, got "8e3"'],
    [['--port', ''], '--port must be a whole number from 0 to 65535, got ""'],
    [['--port'], '--port needs a value: --port N'],
    [['--port', '--json'], '--port needs a value: --port N'],
    [['--p2p-port', '65535'], '--p2p-port must be a whole number from 0 to 65534, got "65535"'],
    [['--max-viewers', '1.5'], '--max-viewers must be a whole number from 0 to 100000, got "1.5"'],
    [['--host', 'example.org'], '--host must be an IP address of this machine, got "example.org"'],
    [
      ['--peer', 'relay.example'],
      '--peer must be a multiaddr such as /ip4/192.0.2.1/tcp/4001/p2p/12D3KooW..., got "relay.example"',
    ],
    [['--announce', 'a_b'], '--announce must be a public IP address or DNS name, got "a_b"'],
    [
      ['--allow-origin', 'https://a.example/path'],
      '--allow-origin must be an origin such as https://example.org, or *, got "https://a.example/path"',
    ],
    [['--json=maybe'], '--json must be true or false, got "maybe"'],
    [['--prot', '1'], 'unknown flag --prot; did you mean --port?'],
    [['--max-viewer=1'], 'unknown flag --max-viewer; did you mean --max-viewers?'],
    [['--mdns'], 'unknown flag --mdns; did you mean --no-mdns?'],
    [['--quality'], 'unknown flag --quality; see casto-relay --help'],
    [['-x'], 'unknown flag -x; see casto-relay --help'],
    [['8080'], 'unexpected argument "8080"'],
    [['--', '--port'], 'unexpected argument "--port"'],
    [['--p2p-port', '8079'], '--p2p-port 8079 takes TCP ports 8079 and 8080, --port is 8080'],
    [['--p2p-port', '9', '--media-port', '9'], '--p2p-port and --media-port are both 9 in UDP; choose two'],
    [['--stun-port', '9', '--media-port', '9'], '--media-port and --stun-port are both 9 in UDP; choose two'],
    [
      ['--ice-server', 'turn:turn.example'],
      '--ice-server turn:turn.example needs --turn-secret, the static-auth-secret of that server',
    ],
    [
      ['--ice-server', 'http://a.example'],
      '--ice-server must be a URL such as stun:stun.example.org:3478 or turn:turn.example.org?transport=tcp, got "http://a.example"',
    ],
    [
      ['--ice-server', 'stun:a,stun:b,stun:c,stun:d,stun:e,stun:f,stun:g,stun:h'],
      '--ice-server takes at most 7 values, got 8',
    ],
    [['--turn-secret', 'two words'], '--turn-secret must be between 1 and 256 printable characters'],
    [['--turn-hours', '0'], '--turn-hours must be a whole number from 1 to 168, got "0"'],
  ])('%j', (argv, line) => {
    expect(lineOf(argv)).toBe(line);
  });

  test('values are quoted, cut, and stay on one line; a secret is not repeated', () => {
    expect(lineOf(['--port', 'a\nb'])).toBe('--port must be a whole number from 0 to 65535, got "a\\nb"');
    expect(lineOf(['--port', 'x'.repeat(5000)]).length).toBeLessThan(160);
    expect(lineOf(['--publish-token', 'two words'])).toBe(
      '--publish-token must be between 1 and 256 printable characters',
    );
    expect(lineOf(['--peer', Array.from({ length: 65 }, (_, i) => `${peerA}${i}`).join()])).toBe(
      '--peer takes at most 64 values, got 65',
    );
  });

  test('a variable is named as such', () => {
    expect(lineOf([], { CASTO_PORT: 'x' })).toBe(
      'CASTO_PORT must be a whole number from 0 to 65535, got "x"',
    );
  });

  test.each<[string, string]>([
    ['{"port":"x"}', '"port" in FILE must be a whole number from 0 to 65535, got "x"'],
    ['{"port":null}', '"port" in FILE must be a text, a number, true or false, or a list of texts'],
    ['{"peer":[{}]}', '"peer" in FILE must be a text, a number, true or false, or a list of texts'],
    ['{"prot":1}', 'unknown option in FILE: "prot"; did you mean port?'],
    ['{"config":"x"}', 'unknown option in FILE: "config"; see casto-relay --help'],
    ['[]', 'the config file FILE must hold one JSON object'],
    ['"text"', 'the config file FILE must hold one JSON object'],
  ])('config file %s', async (text, line) => {
    await writeFile(configFile, text);
    expect(lineOf(['--config', configFile])).toBe(line.replace('FILE', JSON.stringify(configFile)));
  });

  test('a config file that is absent, too large, a folder, or not JSON', async () => {
    const name = JSON.stringify(configFile);
    await rm(configFile, { force: true });
    expect(lineOf(['--config', configFile])).toBe(`the config file ${name} cannot be read (ENOENT)`);
    expect(lineOf(['--config', dir])).toMatch(/cannot be read \(EISDIR\)$/);
    await writeFile(configFile, '{\n"port": \n}');
    expect(lineOf(['--config', configFile])).toMatch(/^the config file .* is not valid JSON: [^\n]+$/);
    await writeFile(configFile, ' '.repeat(70_000));
    expect(lineOf(['--config', configFile])).toBe(`the config file ${name} is larger than 64 KiB`);
    await writeFile(configFile, '\ufeff{"port":9}');
    expect(settingsOf(['--config', configFile]).port).toBe(9);
  });

  test('names that objects inherit are unknown like any other', async () => {
    await writeFile(configFile, '{"__proto__":1,"constructor":1}');
    expect(lineOf(['--config', configFile])).toMatch(/^unknown option/);
    expect(lineOf(['--constructor'])).toMatch(/^unknown flag --constructor/);
    expect(lineOf(['--__proto__=x'])).toMatch(/^unknown flag --__proto__/);
  });
});
