/**
 * What the relay prints: for people, an address to open on stdout and log lines on stderr, which are JSON objects
 * where nobody reads along; with --json, one object per line on stdout, the first of which says where it listens.
 *
 * Values may come from strangers (titles of channels), so nothing is printed raw: a control
 * sequence must not reach the terminal.
 */
import type { LogFields, LogLevel } from '@casto/nodejs';
import { createJsonLog } from './json-log.ts';
import { describePorts } from './ports-in-use.ts';

export interface TextSink {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

export interface Listening {
  peerId: string;
  /** Origin to open on this machine. */
  http: string;
  multiaddrs: readonly string[];
  lanUrls: readonly string[];
  /** Those that no multiaddr tells. */
  ports: { http: number; media: readonly number[]; stun: number | null };
  dataDir: string | null;
}

export interface Output {
  listening(listening: Listening): void;
  log(level: LogLevel, event: string, fields: LogFields): void;
}

export interface OutputOptions {
  json: boolean;
  /** Of stderr. Null: human on a terminal, else JSON. */
  logFormat: 'human' | 'json' | null;
  /** Least level that is logged. */
  logLevel: LogLevel;
  version: string;
  stdout: TextSink;
  stderr: TextSink;
}

/** Log lines that come before the relay listens, and must not be the first. */
const mostEarlyLines = 100;
const mostLanUrls = 6;
/** From the most to the least urgent. */
const logLevels: readonly LogLevel[] = ['error', 'warn', 'info', 'debug'];

export function createOutput(options: OutputOptions): Output {
  const output = options.json ? createJsonOutput(options) : createHumanOutput(options);
  return {
    ...output,
    log(level, event, fields) {
      if (logLevels.indexOf(level) <= logLevels.indexOf(options.logLevel)) output.log(level, event, fields);
    },
  };
}

function createJsonOutput({ stdout }: OutputOptions): Output {
  let early: string[] | null = [];
  const log = createJsonLog({
    write(line) {
      if (early === null) stdout.write(line);
      else if (early.length < mostEarlyLines) early.push(line);
    },
  });
  return {
    listening({ peerId, http, multiaddrs }) {
      const lines = early ?? [];
      early = null;
      stdout.write(`${JSON.stringify({ event: 'listening', peerId, http, multiaddrs })}\n`);
      for (const line of lines) stdout.write(line);
    },
    log,
  };
}

function createHumanOutput({ version, stdout, stderr, logFormat }: OutputOptions): Output {
  const format = logFormat ?? (stderr.isTTY === true ? 'human' : 'json');
  return {
    listening({ peerId, http, multiaddrs, lanUrls, ports, dataDir }) {
      const lines = [`casto-relay ${version}`, `Open ${http}/`, `Dashboard ${http}/dashboard`];
      if (lanUrls.length > 0) {
        lines.push(
          'Watch from other devices on this network (browsers hand the camera to https and localhost only):',
        );
        lines.push(...lanUrls.slice(0, mostLanUrls).map((url) => `  ${url}`));
      }
      lines.push(`Ports ${describePorts({ ...ports, multiaddrs })}`);
      lines.push(`Peer id ${peerId}, ${dataDir === null ? 'forgotten at exit' : `kept in ${dataDir}`}`);
      lines.push('Ctrl-C stops');
      stdout.write(`${lines.join('\n')}\n`);
    },
    log: format === 'json' ? createJsonLog(stderr) : createHumanLog(stderr),
  };
}

function createHumanLog(sink: TextSink): Output['log'] {
  return (level, event, fields) => {
    const time = new Date().toISOString().slice(11, 19);
    const values = Object.entries(fields).map(([name, value]) => `${name}=${printable(value)}`);
    sink.write(`${[time, level.padEnd(5), printable(event), ...values].join(' ')}\n`);
  };
}

/** One word as it is, anything else quoted, with control and format characters escaped. */
export function printable(value: string | number | boolean): string {
  const text = String(value);
  if (/^[\w.:/@+-]+$/.test(text)) return text;
  return JSON.stringify(text).replaceAll(
    /[\p{C}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}
