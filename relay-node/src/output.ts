/**
 * What the relay prints: for people, an address to open on stdout and log lines on stderr; with
 * --json, one object per line on stdout, the first of which says where it listens.
 *
 * Values may come from strangers (titles of channels), so nothing is printed raw: a control
 * sequence must not reach the terminal.
 */
import type { LogFields, LogLevel } from '@casto/nodejs';

export interface TextSink {
  write(text: string): unknown;
}

export interface Listening {
  peerId: string;
  /** Origin to open on this machine. */
  http: string;
  multiaddrs: readonly string[];
  lanUrls: readonly string[];
  dataDir: string | null;
}

export interface Output {
  listening(listening: Listening): void;
  log(level: LogLevel, event: string, fields: LogFields): void;
}

export interface OutputOptions {
  json: boolean;
  debug: boolean;
  version: string;
  stdout: TextSink;
  stderr: TextSink;
}

/** Log lines that come before the relay listens, and must not be the first. */
const mostEarlyLines = 100;
const mostLanUrls = 6;

export function createOutput(options: OutputOptions): Output {
  const output = options.json ? createJsonOutput(options) : createHumanOutput(options);
  return {
    ...output,
    log(level, event, fields) {
      if (level !== 'debug' || options.debug) output.log(level, event, fields);
    },
  };
}

function createJsonOutput({ stdout }: OutputOptions): Output {
  let early: string[] | null = [];
  const print = (value: object): void => {
    const line = `${JSON.stringify(value)}\n`;
    if (early === null) stdout.write(line);
    else if (early.length < mostEarlyLines) early.push(line);
  };
  return {
    listening({ peerId, http, multiaddrs }) {
      const lines = early ?? [];
      early = null;
      print({ event: 'listening', peerId, http, multiaddrs });
      for (const line of lines) stdout.write(line);
    },
    log(level, event, fields) {
      const own = { event, level, time: new Date().toISOString() };
      print({ ...own, ...fields, ...own });
    },
  };
}

function createHumanOutput({ version, stdout, stderr }: OutputOptions): Output {
  return {
    listening({ peerId, http, lanUrls, dataDir }) {
      const lines = [`casto-relay ${version}`, `Open ${http}/`];
      if (lanUrls.length > 0) {
        lines.push(
          'Watch from other devices on this network (browsers hand the camera to https and localhost only):',
        );
        lines.push(...lanUrls.slice(0, mostLanUrls).map((url) => `  ${url}`));
      }
      lines.push(`Peer id ${peerId}, ${dataDir === null ? 'forgotten at exit' : `kept in ${dataDir}`}`);
      lines.push('Ctrl-C stops');
      stdout.write(`${lines.join('\n')}\n`);
    },
    log(level, event, fields) {
      const time = new Date().toISOString().slice(11, 19);
      const values = Object.entries(fields).map(([name, value]) => `${name}=${printable(value)}`);
      stderr.write(`${[time, level.padEnd(5), printable(event), ...values].join(' ')}\n`);
    },
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
