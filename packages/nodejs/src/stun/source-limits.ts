/**
 * How many requests are answered: so many for each network, and so many in all. Senders of UDP can be forged, and what
 * is answered reaches whoever was named.
 */

import { tokenBucket, type TokenBucket } from '@casto/host';
import type { SourceRefusal } from './binding-response.ts';

/** A page asks once per connection and network interface. Behind one IPv4 network may be a town, through its carrier. */
const PER_NETWORK = { perSecond: 100, burst: 400 };
/** At 64 bytes each about 1 Mbit/s. */
const IN_ALL = { perSecond: 2_000, burst: 4_000 };
/** A few hundred bytes each. */
const MAX_NETWORKS = 4_096;
const IPV4_BYTES = 4;
/** /24: what one network of IPv4 announces at least. */
const IPV4_PREFIX_BYTES = 3;
/** /48: what one site of IPv6 gets at most (RFC 6177). */
const IPV6_PREFIX_BYTES = 6;

export class SourceLimits {
  /** The one that was used last comes last. */
  readonly #networks = new Map<number, TokenBucket>();
  readonly #all = tokenBucket(IN_ALL.perSecond, IN_ALL.burst);

  /** Networks that are remembered; bounded. */
  get size(): number {
    return this.#networks.size;
  }

  /**
   * @param address - 4 or 16 bytes.
   * @param now - Milliseconds of a clock that does not go back.
   * @returns What forbids one more answer, or `null`.
   */
  take(address: Buffer, now: number): SourceRefusal | null {
    if (!this.#network(address).take(now)) return 'network-limit';
    return this.#all.take(now) ? null : 'limit';
  }

  /** A network that is forgotten begins anew; the limit for all holds nonetheless. */
  #network(address: Buffer): TokenBucket {
    const key = networkKey(address);
    const bucket = this.#networks.get(key) ?? tokenBucket(PER_NETWORK.perSecond, PER_NETWORK.burst);
    this.#networks.delete(key);
    this.#networks.set(key, bucket);
    if (this.#networks.size > MAX_NETWORKS) {
      const [oldest = key] = this.#networks.keys();
      this.#networks.delete(oldest);
    }
    return bucket;
  }
}

function networkKey(address: Buffer): number {
  if (address.length === IPV4_BYTES) return address.readUIntBE(0, IPV4_PREFIX_BYTES);
  // Behind all of IPv4, in the 53 bits that a number holds.
  return 2 ** 24 + address.readUIntBE(0, IPV6_PREFIX_BYTES);
}
