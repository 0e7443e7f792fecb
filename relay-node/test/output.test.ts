import { expect, test } from 'vitest';
import { createOutput, printable } from '../src/output.ts';
import type { Listening, Output, OutputOptions } from '../src/output.ts';

const listening: Listening = {
  peerId: 'P',
  http: 'http://localhost:8080',
  multiaddrs: ['/ip4/127.0.0.1/tcp/1/p2p/P'],
  lanUrls: ['http://192.168.1.20:8080/'],
  ports: { http: 8080, media: [4003], stun: 4004 },
  dataDir: '/data',
};

function capture(options: Partial<OutputOptions> & { isTTY?: boolean }): {
  output: Output;
  stdout: () => string;
  stderr: () => string;
} {
  let out = '';
  let err = '';
  const output = createOutput({
    json: false,
    logFormat: null,
    logLevel: 'info',
    version: '1.2.3',
    ...options,
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text), isTTY: options.isTTY ?? true },
  });
  return { output, stdout: () => out, stderr: () => err };
}

test('with --json the first line says where it listens, whatever was logged before', () => {
  const { output, stdout, stderr } = capture({ json: true });
  output.log('info', 'early', { n: 1 });
  for (let index = 0; index < 500; index++) output.log('warn', 'flood', { index });
  expect(stdout()).toBe('');
  output.listening(listening);
  output.log('info', 'late', { event: 'forged', level: 'forged', text: 'a\nb' });
  const lines = stdout().trimEnd().split('\n');
  expect(lines[0]).toBe(
    '{"event":"listening","peerId":"P","http":"http://localhost:8080","multiaddrs":["/ip4/127.0.0.1/tcp/1/p2p/P"]}',
  );
  expect(lines).toHaveLength(102);
  expect(JSON.parse(lines[1] ?? '')).toMatchObject({ event: 'early', level: 'info', n: 1 });
  expect(JSON.parse(lines[101] ?? '')).toMatchObject({ event: 'late', level: 'info', text: 'a\nb' });
  expect(stderr()).toBe('');
});

test('for people the addresses go to stdout and the log to stderr', () => {
  const { output, stdout, stderr } = capture({ json: false });
  output.log('info', 'channel-up', { channel: 'c1', viewers: 3, title: 'Two words' });
  output.log('debug', 'detail', {});
  output.listening(listening);
  expect(stdout()).toContain('\nOpen http://localhost:8080/\n');
  expect(stdout()).toContain('\nDashboard http://localhost:8080/dashboard\n');
  expect(stdout()).toContain('\n  http://192.168.1.20:8080/\n');
  expect(stdout()).toContain('\nPorts TCP 8080 (HTTP), 1 (libp2p); UDP 4003 (media), 4004 (STUN)\n');
  expect(stdout()).toContain('kept in /data');
  expect(stderr()).toMatch(/^\d\d:\d\d:\d\d info {2}channel-up channel=c1 viewers=3 title="Two words"\n$/);
});

test('debug lines appear when asked for', () => {
  const { output, stderr } = capture({ logLevel: 'debug' });
  output.log('debug', 'detail', {});
  expect(stderr()).toContain('debug detail');
});

test.each([
  ['error', ['error']],
  ['warn', ['error', 'warn']],
  ['info', ['error', 'warn', 'info']],
] as const)('at level %s only what is as urgent is logged', (logLevel, logged) => {
  for (const json of [true, false]) {
    const { output, stdout, stderr } = capture({ logLevel, json, logFormat: 'json' });
    output.listening(listening);
    for (const level of ['error', 'warn', 'info', 'debug'] as const) output.log(level, 'happened', {});
    const lines = (json ? stdout() : stderr()).split('\n').filter((line) => line.includes('happened'));
    expect(lines.map((line) => (JSON.parse(line) as { level: string }).level)).toEqual(logged);
  }
});

test('where nobody reads along the log is JSON, with names that cannot be forged', () => {
  const { output, stdout, stderr } = capture({ isTTY: false });
  output.listening(listening);
  output.log('warn', 'channel-up', { viewers: 3, event: 'x', level: 'x', time: 'x', text: 'a\nb\u001b[31m' });
  expect(stdout()).toContain('\nOpen http://localhost:8080/\n');
  const [line = '', ...others] = stderr().split('\n');
  expect(others).toEqual(['']);
  expect(line.match(/"(?:event|level|time)":/g)).toHaveLength(3);
  const record = JSON.parse(line) as { time: string };
  expect(record).toEqual({
    level: 'warn',
    time: record.time,
    event: 'channel-up',
    viewers: 3,
    text: 'a\nb\u001b[31m',
  });
  expect(record.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

test('the format can be told', () => {
  const human = capture({ isTTY: false, logFormat: 'human' });
  human.output.log('info', 'happened', {});
  expect(human.stderr()).toMatch(/^\d\d:\d\d:\d\d info {2}happened\n$/);
  const json = capture({ isTTY: true, logFormat: 'json' });
  json.output.log('info', 'happened', {});
  expect(JSON.parse(json.stderr())).toMatchObject({ level: 'info', event: 'happened' });
});

test.each([
  ['plain-word_1', 'plain-word_1'],
  ['\u001b[31mred', '"\\u001b[31mred"'],
  ['a\nb', '"a\\nb"'],
  ['\u009b31m', '"\\u{9b}31m"'],
  ['\u202eright to left', '"\\u{202e}right to left"'],
  ['line\u2028separator', '"line\\u{2028}separator"'],
  ['Grüße', '"Grüße"'],
])('%j is printed as %s', (text, printed) => {
  expect(printable(text)).toBe(printed);
});
