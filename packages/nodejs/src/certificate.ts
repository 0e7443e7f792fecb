/**
 * The certificate of webrtc-direct and its multihash, which is part of the relay's multiaddr.
 *
 * libp2p renews its own certificate every 14 days, and every address handed out before is dead from
 * then on; ours outlives the machine. Browsers check the fingerprint of a DTLS certificate, not its
 * dates, but a valid range costs nothing.
 */
// @peculiar/x509 uses tsyringe, which needs the Reflect polyfill before it loads.
import 'reflect-metadata';
import { createHash, createPrivateKey, randomBytes, webcrypto, X509Certificate } from 'node:crypto';
import { BasicConstraintsExtension, X509CertificateGenerator } from '@peculiar/x509';

/** In the form that `webRTCDirect({ certificate })` takes. */
export interface RelayCertificate {
  /** PKCS #8, PEM. */
  privateKey: string;
  pem: string;
  /** Multibase base64url of the SHA-256 multihash of the DER certificate. */
  certhash: string;
}

const lifetimeDays = 3653;
const dayMs = 86_400_000;
/** A peer whose clock is behind still sees a valid certificate. */
const clockSkewMs = dayMs;

/** Multihash code and length of SHA-256, https://github.com/multiformats/multicodec. */
const sha256MultihashPrefix = Uint8Array.of(0x12, 0x20);
/** Multibase prefix of unpadded base64url. */
const base64urlPrefix = 'u';

/** Makes an ECDSA P-256 certificate, which every browser accepts for DTLS. */
export async function createCertificate(nowMs: number): Promise<RelayCertificate> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: positiveSerial(),
      name: 'CN=casto-relay',
      notBefore: new Date(nowMs - clockSkewMs),
      notAfter: new Date(nowMs + lifetimeDays * dayMs),
      signingAlgorithm: algorithm,
      keys,
      extensions: [new BasicConstraintsExtension(false, undefined, true)],
    },
    webcrypto,
  );
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  return {
    privateKey: encodePem('PRIVATE KEY', der),
    pem: encodePem('CERTIFICATE', Buffer.from(certificate.rawData)),
    certhash: certhashOf(Buffer.from(certificate.rawData)),
  };
}

/** Whether the three parts are well formed and belong together. */
export function isConsistentCertificate(certificate: RelayCertificate): boolean {
  try {
    const x509 = new X509Certificate(certificate.pem);
    return (
      x509.checkPrivateKey(createPrivateKey(certificate.privateKey)) &&
      certhashOf(x509.raw) === certificate.certhash
    );
  } catch {
    return false;
  }
}

function certhashOf(der: Uint8Array): string {
  const digest = createHash('sha256').update(der).digest();
  return base64urlPrefix + Buffer.concat([sha256MultihashPrefix, digest]).toString('base64url');
}

function encodePem(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}

/** Hex; the leading 01 keeps the number positive and not empty (RFC 5280, section 4.1.2.2). */
function positiveSerial(): string {
  return `01${randomBytes(15).toString('hex')}`;
}
