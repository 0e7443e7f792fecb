/** Which announcements a relay believes, and from whom. */

import { decodeSignedRecord, MalformedError, type AnnounceRefusal, type PeerId } from '@casto/core';
import type { SignedRecord } from '@casto/host';
import { isSameToken } from './access/bearer-token.ts';
import type { RecordMemory } from './record-memory.ts';

export interface Announcement {
  /** Unchecked. */
  readonly bytes: Uint8Array;
  readonly token: string | null;
  /** The peer at the other end of the authenticated stream. */
  readonly from: PeerId;
}

/** Checks an announcement and remembers its record. @returns The record, or why it is refused. */
export async function judgeAnnouncement(
  { bytes, token, from }: Announcement,
  rules: { records: RecordMemory; publishToken: string | null; now: number },
): Promise<SignedRecord | AnnounceRefusal> {
  if (rules.publishToken !== null && !isSameToken(rules.publishToken, token ?? '')) return 'not-allowed';
  try {
    const { newest, isNews } = await rules.records.learn(bytes);
    if (newest.record.channel !== from) return 'not-owner';
    return isNews || isSame(newest.bytes, bytes) ? newest : 'superseded';
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error;
    return isExpired(bytes, rules.now) ? 'expired' : 'bad-record';
  }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function isExpired(bytes: Uint8Array, now: number): boolean {
  try {
    return decodeSignedRecord(bytes).record.expiresAt <= now;
  } catch {
    return false;
  }
}
