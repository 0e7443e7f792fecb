/** IP addresses as the bytes that messages carry. */

import { isIPv4, isIPv6 } from 'node:net';

const GROUP_BYTES = 2;
const IPV6_BYTES = 16;
/** RFC 4291, section 2.5.5.2: how a socket of both families names an IPv4 sender. */
const MAPPED_PREFIX = Buffer.from('00000000000000000000ffff', 'hex');

/**
 * @param address - As sockets tell it: IPv4, or IPv6 with or without a zone.
 * @returns 4 or 16 bytes; 4 for an IPv4-mapped IPv6 address; `null` when it is no IP address.
 */
export function addressBytes(address: string): Buffer | null {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  const bare = address.split('%')[0] ?? '';
  if (!isIPv6(bare)) return null;
  const [head = '', tail] = bare.split('::');
  const front = groupBytes(head);
  const back = groupBytes(tail ?? '');
  const gap = Buffer.alloc(IPV6_BYTES - front.length - back.length);
  const bytes = Buffer.concat([front, gap, back]);
  return bytes.subarray(0, MAPPED_PREFIX.length).equals(MAPPED_PREFIX)
    ? bytes.subarray(MAPPED_PREFIX.length)
    : bytes;
}

/** Groups of four hexadecimal digits, the last two of which may be written as IPv4. */
function groupBytes(groups: string): Buffer {
  if (groups === '') return Buffer.alloc(0);
  return Buffer.concat(
    groups.split(':').map((group) => {
      if (group.includes('.')) return Buffer.from(group.split('.').map(Number));
      const bytes = Buffer.alloc(GROUP_BYTES);
      bytes.writeUInt16BE(Number.parseInt(group, 16));
      return bytes;
    }),
  );
}
