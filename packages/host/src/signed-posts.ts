/** Signatures of what peers say to everybody on a channel (PROTOCOL.md, K10.5). */

import type { PrivateKey } from '@libp2p/interface';
import type { ChannelId, PeerId, Post } from '@casto/core';
import { joinBytes, verifySignature } from './channel-signature.ts';

const DOMAIN = 'casto-post:1\n';

/** @param privateKey - Of `post.from`. */
export async function signPost(
  privateKey: PrivateKey,
  channel: ChannelId,
  post: { from: PeerId; sentAt: number; data: Uint8Array },
): Promise<Post> {
  return { ...post, signature: await privateKey.sign(signedBytes(channel, post)) };
}

/** Whether `post.from` said this on this channel. Never rejects. */
export function isGenuinePost(channel: ChannelId, post: Post): Promise<boolean> {
  return verifySignature(post.from, signedBytes(channel, post), post.signature);
}

function signedBytes(channel: ChannelId, { from, sentAt, data }: Omit<Post, 'signature'>): Uint8Array {
  const head = new TextEncoder().encode(`${DOMAIN}${channel}\n${from}\n${sentAt}\n`);
  return joinBytes(head, data);
}
