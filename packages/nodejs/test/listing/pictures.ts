/** Pictures that are large enough to be told apart. */

import type { PrivateKey } from '@libp2p/interface';
import type { ChannelId } from '@casto/core';
import { signSnapshot } from '@casto/host';

/** The head of a JPEG of 320 x 180, and a number behind it. */
export function picture(number = 0): Uint8Array {
  const head = [0xff, 0xd8, 0xff, 0xc0, 0, 17, 8, 0, 180, 1, 64, 3];
  return Uint8Array.from([...head, number, ...new Array<number>(8).fill(0)]);
}

export function signedPicture(
  { id, key }: { id: ChannelId; key: PrivateKey },
  taken: { epoch?: number; takenAt: number; number?: number },
): Promise<Uint8Array> {
  const { epoch = 1_700_000_000, takenAt, number = 0 } = taken;
  return signSnapshot(key, { channel: id, epoch, takenAt, image: picture(number) });
}
