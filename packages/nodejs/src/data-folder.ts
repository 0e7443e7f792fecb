/**
 * What a relay remembers between runs: its identity and certificate, which make up the addresses
 * that others have stored, and its ports.
 *
 *   identity.json   Ed25519 key and webrtc-direct certificate, written once
 *   ports.json      ports chosen at the first start
 *   lock.*          the process that uses the folder, see folder-lock.ts
 *
 * A file that cannot be understood stops the start: going on with a fresh identity would silently
 * break every address of this relay that is stored elsewhere.
 */
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys';
import type { PrivateKey } from '@libp2p/interface';
import { createCertificate, isConsistentCertificate } from './certificate.ts';
import type { RelayCertificate } from './certificate.ts';
import { lockFolder } from './folder-lock.ts';
import type { FolderLock } from './folder-lock.ts';
import { RelayStartError } from './relay-options.ts';

export type { RelayCertificate } from './certificate.ts';

/** Port numbers; 0 while none was chosen. */
export interface RelayPorts {
  p2p: number;
  media: number;
  stun: number;
}

export interface DataFolder {
  readonly privateKey: PrivateKey;
  readonly certificate: RelayCertificate;
  readonly ports: RelayPorts;
  rememberPorts(ports: RelayPorts): Promise<void>;
  /** Lets another relay use the folder. Idempotent. */
  close(): Promise<void>;
}

interface Identity {
  privateKey: PrivateKey;
  certificate: RelayCertificate;
}

const formatVersion = 1;
const identityFileName = 'identity.json';
const portsFileName = 'ports.json';
/** Ours are about 2 kB; anything far larger is not ours. */
const fileLimitBytes = 64 * 1024;
const highestPort = 65_535;
const ownerOnlyFile = 0o600;
const ownerOnlyFolder = 0o700;

/**
 * Opens the folder, creating what is missing.
 *
 * @param dir - Path of the folder; `undefined` keeps everything in memory.
 * @throws {RelayStartError} When the folder is corrupt, not writable, or used by another relay.
 */
export async function openDataFolder(dir: string | undefined): Promise<DataFolder> {
  if (dir === undefined) return folderOf(await createIdentity(), noPorts(), async () => {});
  const folder = resolve(dir);
  const lock = await asStartError(folder, async () => {
    await mkdir(folder, { recursive: true, mode: ownerOnlyFolder });
    return lockFolder(folder);
  });
  try {
    return await openLocked(folder, lock);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function openLocked(dir: string, lock: FolderLock): Promise<DataFolder> {
  const identityFile = join(dir, identityFileName);
  const portsFile = join(dir, portsFileName);
  const storedIdentity = await readStored(identityFile, parseIdentity);
  const ports = (await readStored(portsFile, parsePorts)) ?? noPorts();
  const identity = storedIdentity ?? (await createIdentity());
  if (storedIdentity === null) {
    await asStartError(dir, () => writeStored(identityFile, renderIdentity(identity)));
  }
  const save = (next: RelayPorts): Promise<void> =>
    asStartError(dir, () => writeStored(portsFile, { version: formatVersion, ...next }));
  return folderOf(identity, ports, save, lock);
}

function folderOf(
  identity: Identity,
  remembered: RelayPorts,
  save: (ports: RelayPorts) => Promise<void>,
  lock?: FolderLock,
): DataFolder {
  let ports = remembered;
  return {
    ...identity,
    get ports() {
      return { ...ports };
    },
    async rememberPorts({ p2p, media, stun }) {
      if (p2p === ports.p2p && media === ports.media && stun === ports.stun) return;
      await save({ p2p, media, stun });
      ports = { p2p, media, stun };
    },
    async close() {
      await lock?.release();
    },
  };
}

async function createIdentity(): Promise<Identity> {
  const [privateKey, certificate] = await Promise.all([
    generateKeyPair('Ed25519'),
    createCertificate(Date.now()),
  ]);
  return { privateKey, certificate };
}

function noPorts(): RelayPorts {
  return { p2p: 0, media: 0, stun: 0 };
}

function renderIdentity({ privateKey, certificate }: Identity): object {
  const key = Buffer.from(privateKeyToProtobuf(privateKey)).toString('base64');
  return { version: formatVersion, privateKey: key, certificate };
}

function parseIdentity(stored: Record<string, unknown>): Identity | null {
  const { privateKey: key, certificate } = stored;
  if (typeof key !== 'string' || !isRecord(certificate)) return null;
  const { privateKey: certificateKey, pem, certhash } = certificate;
  if (typeof certificateKey !== 'string' || typeof pem !== 'string' || typeof certhash !== 'string')
    return null;
  const parsed = { privateKey: certificateKey, pem, certhash };
  if (!isConsistentCertificate(parsed)) return null;
  const privateKey = privateKeyFromProtobuf(Buffer.from(key, 'base64'));
  return privateKey.type === 'Ed25519' ? { privateKey, certificate: parsed } : null;
}

/** A relay without STUN remembers no port for it. */
function parsePorts({ p2p, media, stun = 0 }: Record<string, unknown>): RelayPorts | null {
  return isPort(p2p) && isPort(media) && isPort(stun) ? { p2p, media, stun } : null;
}

function isPort(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= highestPort;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @returns What `parse` made of the file, or null when there is none. */
async function readStored<T>(
  file: string,
  parse: (stored: Record<string, unknown>) => T | null,
): Promise<T | null> {
  const text = await readText(file);
  if (text === null) return null;
  let parsed: T | null = null;
  try {
    const stored: unknown = JSON.parse(text);
    if (isRecord(stored) && typeof stored['version'] === 'number' && stored['version'] > formatVersion) {
      throw corrupt(file, 'was written by a later version of the relay');
    }
    if (isRecord(stored) && stored['version'] === formatVersion) parsed = parse(stored);
  } catch (error) {
    if (error instanceof RelayStartError) throw error;
    throw corrupt(file, 'is corrupt', error);
  }
  if (parsed === null) throw corrupt(file, 'is corrupt');
  return parsed;
}

async function readText(file: string): Promise<string | null> {
  try {
    if ((await stat(file)).size > fileLimitBytes) throw corrupt(file, 'is far too large');
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof RelayStartError) throw error;
    if (codeOf(error) === 'ENOENT') return null;
    throw corrupt(file, `cannot be read (${codeOf(error)})`, error);
  }
}

function corrupt(file: string, problem: string, cause?: unknown): RelayStartError {
  const loss = file.endsWith(identityFileName) ? 'identity' : 'ports';
  const advice = `restore it from a backup, or delete it to start with a new ${loss}`;
  return new RelayStartError('corrupt-data-folder', `${file} ${problem}; ${advice}`, { cause });
}

/** Writes beside the file and renames, so that a crash leaves the old content or the new one. */
async function writeStored(file: string, content: object): Promise<void> {
  const temporary = `${file}.tmp`;
  await rm(temporary, { force: true });
  const handle = await open(temporary, 'wx', ownerOnlyFile);
  try {
    await handle.writeFile(`${JSON.stringify(content, null, 2)}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
}

/** Turns what the file system refuses into one line for people. */
async function asStartError<T>(dir: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof RelayStartError) throw error;
    throw new RelayStartError(
      'unwritable-data-folder',
      `the data folder ${dir} cannot be written (${codeOf(error)}); choose another with --data`,
      { cause: error },
    );
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}
