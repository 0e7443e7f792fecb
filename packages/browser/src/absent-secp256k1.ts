/**
 * Takes the place of @noble/curves' secp256k1 in the bundle. Peers of CASTO have Ed25519 keys; one that shows another
 * fails to identify itself, as with a key that is malformed.
 */

function absent(): never {
  throw new Error('secp256k1 keys are not supported');
}

export const secp256k1 = {
  sign: absent,
  verify: absent,
  getPublicKey: absent,
  Point: { fromBytes: absent },
  utils: { randomSecretKey: absent },
};
