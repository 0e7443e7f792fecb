/** PROTOCOL.md against the sources, so that the two cannot drift apart. */

import { describe, expect, test } from 'vitest';
import { MAX_SIGNED_RECORD_BYTES, RECORD_DOMAIN, recordKey } from '../src/channel-record.ts';
import * as config from '../src/config.ts';
import { CONTROL_LABEL, CONTROL_STREAM_ID, type Farewell } from '../src/control-messages.ts';
import { MalformedError, type MalformedReason } from '../src/errors.ts';
import type { Fields } from '../src/fields.ts';
import { LINK_PROTOCOL, type Refusal } from '../src/link-messages.ts';
import { LISTING_PROTOCOL } from '../src/listing-messages.ts';
import { isPeerId } from '../src/peer-id.ts';
import { RENDEZVOUS_PROTOCOL, type AnnounceRefusal } from '../src/rendezvous-messages.ts';
import { MAX_SIGNAL_PAYLOAD_BYTES } from '../src/signal-payload.ts';
import { MAX_SIGNED_SNAPSHOT_BYTES, SNAPSHOT_DOMAIN } from '../src/snapshot.ts';
import { HEADLESS_TUNING, PAGE_TUNING, TREE_DEFAULTS, type TreeTuning } from '../src/tree/tree-tuning.ts';
import { peerIdOfKey } from './base58.ts';
import { codecs, lists } from './codecs.ts';
import { ruleText, tableRows, unquote, type DocumentedMessage } from './protocol-document.ts';
import { limitsOf, wordsOf } from './value-grammar.ts';

describe.each(codecs)('the table of the $name codec', ({ table, documented }) => {
  test('[W2.1] has the type numbers and names of the sources', () => {
    const inSources = Object.entries(table).map(([name, { code }]) => ({ name, code }));
    expect(documented.map(({ name, code }) => ({ name, code }))).toEqual(inSources);
    expect(new Set(documented.map(({ code }) => code)).size).toBe(documented.length);
  });

  test.each(documented.map((message) => [message.name, message] as const))(
    '[W2.1] has the fields of %s in the order of the sources, with their limits',
    (name, message) => expect(differences(message, table[name]?.fields ?? {})).toEqual([]),
  );
});

test.each(lists)(
  '[D1.1, K7.5, V3.1] the table of the list "$name" has the fields of the sources',
  ({ fields, documented }) => expect(differences(documented, fields)).toEqual([]),
);

test('[W3.1] the sizes of the codecs are those of the sources', () => {
  const documented = tableRows('W:', ['codec', 'most bytes']).map(([name, size]) => [name, Number(size)]);
  expect(documented).toEqual([
    ...codecs.map(({ name, maxBytes }) => [name, maxBytes]),
    ['signed record', MAX_SIGNED_RECORD_BYTES],
    ['signed snapshot', MAX_SIGNED_SNAPSHOT_BYTES],
    ['signal payload', MAX_SIGNAL_PAYLOAD_BYTES],
  ]);
});

test('[W1.1] the constants are those of the sources', () => {
  const documented = tableRows('Constants', ['name', 'value']).map(([name = '', value]) => [
    unquote(name),
    Number(value),
  ]);
  expect(Object.fromEntries(documented)).toEqual({ ...config });
  expect(ruleText('W1.1')).toContain(`The version of this document is ${config.PROTOCOL_VERSION}.`);
});

test('the constants of the tree are those of the sources', () => {
  const documented = tableRows('Tree constants', ['name', 'value']).map(([name = '', value]) => [
    unquote(name),
    value,
  ]);
  const inSources = Object.entries(TREE_DEFAULTS).map(([name, value]) => [name, String(value)]);
  expect(documented).toEqual(inSources);
});

test('what pages and headless relays have of their own is that of the sources', () => {
  const documented = tableRows('Tree constants', ['name', 'pages', 'headless relays']).map(
    ([name = '', ...values]) => [unquote(name), ...values.map(Number)],
  );
  const names = [...new Set([...Object.keys(PAGE_TUNING), ...Object.keys(HEADLESS_TUNING)])];
  const own = (tuning: Partial<TreeTuning>) => new Map(Object.entries({ ...TREE_DEFAULTS, ...tuning }));
  const inSources = names.map((name) => [name, own(PAGE_TUNING).get(name), own(HEADLESS_TUNING).get(name)]);
  expect(documented).toEqual(inSources);
});

test('[L4.1] every refusal says what the joiner does next', () => {
  const words = {
    'not-found': true,
    offline: true,
    full: true,
    draining: true,
    loop: true,
    'too-deep': true,
    'no-common-codec': true,
    version: true,
    malformed: true,
    busy: true,
    'not-allowed': true,
  } satisfies Record<Refusal, true>;
  const explained = explainedWords('L:', ['refusal', 'meaning', 'what the joiner does']);
  expect(explained).toEqual(Object.keys(words));
  expect(documentedWords('link', 'refuse', 'reason')).toEqual(explained);
});

test('[K8.1] every farewell says what the other end does', () => {
  const words = {
    leaving: true,
    ended: true,
    moved: true,
    'layer-gone': true,
    'not-allowed': true,
  } satisfies Record<Farewell, true>;
  const explained = explainedWords('K:', ['farewell', 'meaning', 'what the other end does']);
  expect(explained).toEqual(Object.keys(words));
  expect(documentedWords('control', 'bye', 'reason')).toEqual(explained);
});

test('[D6.2] every refusal of an announcement is explained', () => {
  const words = {
    'bad-record': true,
    'not-owner': true,
    expired: true,
    superseded: true,
    'not-allowed': true,
    full: true,
    malformed: true,
  } satisfies Record<AnnounceRefusal, true>;
  const explained = explainedWords('D:', ['refusal', 'meaning']);
  expect(explained).toEqual(Object.keys(words));
  expect(documentedWords('rendezvous', 'refused', 'reason')).toEqual(explained);
});

test('[X1.1] every reason for refused input is explained', () => {
  const words = {
    'too-large': true,
    'not-decodable': true,
    'wrong-shape': true,
    'out-of-range': true,
    'unknown-type': true,
  } satisfies Record<MalformedReason, true>;
  expect(explainedWords('X:', ['reason', 'meaning'])).toEqual(Object.keys(words));
});

test('[L1.1] the handshake has the protocol id of the document', () => {
  expect(ruleText('L1.1')).toContain(`protocol \`${LINK_PROTOCOL}\``);
});

test('[D2.1] the directory has the protocol id of the document', () => {
  expect(ruleText('D2.1')).toContain(`protocol \`${RENDEZVOUS_PROTOCOL}\``);
});

test('[V1.1] the listing has the protocol id of the document', () => {
  expect(ruleText('V1.1')).toContain(`protocol \`${LISTING_PROTOCOL}\``);
});

test('[V3.2] the signed text of a snapshot begins as the document says', () => {
  expect(ruleText('V3.2')).toContain(
    `\`${SNAPSHOT_DOMAIN.replace('\n', String.raw`\n`)}\` followed by the content`,
  );
});

test('[K1.1] the control channel has the label and stream of the document', () => {
  expect(ruleText('K1.1')).toContain(`labelled \`${CONTROL_LABEL}\``);
  expect(ruleText('K1.1')).toContain(`on stream ${CONTROL_STREAM_ID},`);
});

test('[D1.2] the signed text begins as the document says', () => {
  expect(ruleText('D1.2')).toContain(
    `\`${RECORD_DOMAIN.replace('\n', String.raw`\n`)}\` followed by the content`,
  );
});

test('[D5.1] the key of the DHT is that of the document', () => {
  const channel = peerIdOfKey(new Uint8Array(32).fill(3));
  if (!isPeerId(channel)) throw new Error('not an id');
  expect(ruleText('D5.1')).toContain('`/casto/<id>`');
  expect(recordKey(channel)).toBe(`/casto/${channel}`);
});

/** Where a table's names, their order or their limits are not those of the sources. */
function differences(documented: DocumentedMessage | undefined, fields: Fields): string[] {
  const named = documented?.fields.map(({ name }) => name).join() ?? 'no table';
  const inSources = Object.keys(fields).join();
  if (documented === undefined || named !== inSources) return [`${named} is ${inSources} in the sources`];
  return documented.fields.flatMap(({ name, value }) => {
    const { accepted, refused } = limitsOf(value);
    const wronglyRefused = accepted.filter((good) => !takes(fields, name, good));
    const wronglyTaken = refused.filter((bad) => takes(fields, name, bad));
    return [
      ...wronglyRefused.map((good) => `${name} (${value}) refuses ${String(good)}`),
      ...wronglyTaken.map((bad) => `${name} (${value}) takes ${String(bad)}`),
    ];
  });
}

/** @throws Whatever the field's reader throws, unless it is a refusal. */
function takes(fields: Fields, name: string, value: unknown): boolean {
  try {
    fields[name]?.(value);
    return true;
  } catch (error) {
    if (error instanceof MalformedError) return false;
    throw error;
  }
}

function explainedWords(section: string, header: readonly string[]): string[] {
  return tableRows(section, header).map(([word = '']) => unquote(word));
}

function documentedWords(codec: string, message: string, field: string): string[] {
  const documented = codecs.find(({ name }) => name === codec)?.documented;
  const fields = documented?.find(({ name }) => name === message)?.fields;
  return wordsOf(fields?.find(({ name }) => name === field)?.value ?? '');
}
