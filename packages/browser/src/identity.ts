/**
 * The key behind the page's PeerId. The stored one belongs to one broadcasting page at a time, so that a reloaded
 * streamer keeps its channel; everybody else has a fresh one, since libp2p cannot dial its own PeerId.
 */

import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys';
import type { PrivateKey } from '@libp2p/interface';
import { createStore, get, set } from 'idb-keyval';

const LOCK_NAME = 'casto:identity';
const DATABASE = 'casto';
const STORE = 'identity';
const KEY = 'ed25519';
/** A reloaded page may start before the old one has let go of the lock. */
const LOCK_WAIT_MS = 400;

export interface Identity {
  readonly privateKey: PrivateKey;
  /** Lets another page of this origin broadcast under the stored key. */
  release(): void;
}

export async function freshIdentity(): Promise<Identity> {
  return { privateKey: await generateKeyPair('Ed25519'), release: () => {} };
}

/** The stored identity, or a fresh one when another page holds it or nothing can be stored here. */
export async function storedIdentity(): Promise<Identity> {
  const release = await takeLock();
  if (release === null) return freshIdentity();
  try {
    return { privateKey: await loadOrCreateKey(), release };
  } catch {
    // Storage is refused in some private windows: the broadcast works, its link only does not outlive the page.
    release();
    return freshIdentity();
  }
}

/** @returns The release of the lock, or `null` when another page keeps it. */
async function takeLock(): Promise<(() => void) | null> {
  if (!navigator.locks) return null;
  return new Promise((resolve) => {
    navigator.locks
      .request(LOCK_NAME, { signal: AbortSignal.timeout(LOCK_WAIT_MS) }, () => {
        return new Promise<void>((release) => resolve(release));
      })
      .catch(() => resolve(null));
  });
}

async function loadOrCreateKey(): Promise<PrivateKey> {
  const store = createStore(DATABASE, STORE);
  const stored: unknown = await get(KEY, store);
  if (stored instanceof Uint8Array) {
    const key = readKey(stored);
    if (key !== null) return key;
  }
  const key = await generateKeyPair('Ed25519');
  await set(KEY, privateKeyToProtobuf(key), store);
  return key;
}

/** A damaged key is replaced: there is nothing else to be done with it. */
function readKey(bytes: Uint8Array): PrivateKey | null {
  try {
    const key = privateKeyFromProtobuf(bytes);
    return key.type === 'Ed25519' ? key : null;
  } catch {
    return null;
  }
}
