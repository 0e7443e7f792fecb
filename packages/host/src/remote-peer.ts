import { isPeerId, MalformedError, type PeerId } from '@casto/core';

/**
 * The PeerId of a libp2p peer or connection as the protocol knows it.
 *
 * @throws {MalformedError} When its key is not Ed25519, which no peer of ours has.
 */
export function peerIdOf(peer: { toString(): string }): PeerId {
  const id = peer.toString();
  if (!isPeerId(id)) throw new MalformedError('wrong-shape', 'not an Ed25519 peer');
  return id;
}
