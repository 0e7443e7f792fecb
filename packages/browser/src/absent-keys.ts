/**
 * Takes the place of what @libp2p/crypto brings for RSA, ECDSA and secp256k1 keys in the bundle. Peers of CASTO have
 * Ed25519 keys; one that shows another fails to identify itself, as with a key that is malformed.
 */

function absent(): never {
  throw new Error('only Ed25519 keys are supported');
}

/** As of @noble/curves/secp256k1.js. */
export const secp256k1 = {
  sign: absent,
  verify: absent,
  getPublicKey: absent,
  Point: { fromBytes: absent },
  utils: { randomSecretKey: absent },
};

/** As of @libp2p/crypto's rsa/utils.js and ecdsa/utils.js. */
export {
  absent as generateECDSAKeyPair,
  absent as generateRSAKeyPair,
  absent as jwkToRSAPrivateKey,
  absent as pkcs1MessageToRSAPrivateKey,
  absent as pkcs1ToRSAPrivateKey,
  absent as pkiMessageToECDSAPrivateKey,
  absent as pkiMessageToECDSAPublicKey,
  absent as pkixMessageToRSAPublicKey,
  absent as pkixToRSAPublicKey,
  absent as unmarshalECDSAPrivateKey,
  absent as unmarshalECDSAPublicKey,
};
