import { expect, test } from 'vitest';
import { createOutput, printable } from '../src/output.ts';
import type { Listening, Output } from '../src/output.ts';

const listening: Listening = {
  peerId: 'P',
  http: 'http://localhost:8080',
  multiaddrs: ['/ip4/127.0.0.1/tcp/1/p2p/P'],
  lanUrls: ['http://192.168.1.20:8080/'],
  dataDir: '/data',
};

function capture(options: { json: boolean; debug?: boolean }): {
  output: Output;
  stdout: () => string;
  stderr: () => string;
} {
  let out = '';
  let err = '';
  const output = createOutput({
    debug: false,
    version: '1.2.3',
    ...options,
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
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
  expect(stdout()).toContain('\n  http://192.168.1.20:8080/\n');
  expect(stdout()).toContain('kept in /data');
  expect(stderr()).toMatch(/^\d\d:\d\d:\d\d info {2}channel-up channel=c1 viewers=3 title="Two words"\n$/);
});

test('debug lines appear when asked for', () => {
  const { output, stderr } = capture({ json: false, debug: true });
  output.log('debug', 'detail', {});
  expect(stderr()).toContain('debug detail');
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
