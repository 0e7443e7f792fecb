/** The blocks of an RTCP packet, for ends that only tests have. */

import { rtcpBlockLength, rtcpCountOf, rtcpTypeOf } from '../../src/media/rtcp-packet.ts';

export interface RtcpBlock {
  readonly type: number;
  /** Of feedback; a count elsewhere. */
  readonly kind: number;
  readonly block: Buffer;
}

export function readBlocks(packet: Buffer): RtcpBlock[] {
  const blocks: RtcpBlock[] = [];
  for (let at = 0, length = 0; at < packet.length; at += length) {
    length = rtcpBlockLength(packet, at);
    if (length === 0) break;
    const block = packet.subarray(at, at + length);
    blocks.push({ type: rtcpTypeOf(packet, at), kind: rtcpCountOf(packet, at), block });
  }
  return blocks;
}
