/**
 * The keys of the channels that are published to a relay by name. Each is derived from the relay's own key, so that a
 * name has the same channel for as long as the data folder lives, and nothing grows with the names that come along.
 */

import { hkdfSync } from 'node:crypto';
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys';
import type { PrivateKey } from '@libp2p/interface';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import type { ChannelId } from '@casto/core';
import { peerIdOf } from '@casto/host';

/** What a channel can be called in `/whip/NAME`. */
export const CHANNEL_NAME = /^[a-zA-Z0-9._-]{1,64}$/;

const PURPOSE = 'casto-published-channel:1';
const SEED_BYTES = 32;

export interface ChannelKey {
  readonly privateKey: PrivateKey;
  readonly channel: ChannelId;
}

/**
 * @param relayKey - The relay's identity.
 * @param name - See {@link CHANNEL_NAME}.
 * @returns An Ed25519 key of that name alone.
 * @see RFC 5869: the name is the `info` of HKDF, so that no key tells anything about another.
 */
export async function channelKey(relayKey: PrivateKey, name: string): Promise<ChannelKey> {
  const seed = hkdfSync('sha256', relayKey.raw, PURPOSE, name, SEED_BYTES);
  const privateKey = await generateKeyPairFromSeed('Ed25519', new Uint8Array(seed));
  return { privateKey, channel: peerIdOf(peerIdFromPrivateKey(privateKey)) };
}
