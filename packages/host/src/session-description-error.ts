/** Why a session description, or a part of one, was refused. */
export type SessionDescriptionReason =
  | 'too-large'
  | 'malformed'
  | 'too-many-sections'
  | 'unexpected-section'
  | 'bad-mid'
  | 'bad-direction'
  | 'bad-ice'
  | 'bad-setup'
  | 'bad-fingerprint'
  | 'weak-fingerprint'
  | 'bad-codec'
  | 'bad-header-extension'
  | 'bad-source'
  | 'bad-candidate'
  | 'too-many-candidates'
  | 'answer-mismatch';

/** A description that cannot be used. Branch on `reason`; `message` is for people. */
export class SessionDescriptionError extends Error {
  override readonly name = 'SessionDescriptionError';
  readonly reason: SessionDescriptionReason;

  /** @param detail - Written by us, never text from the other peer: it ends up in logs. */
  constructor(reason: SessionDescriptionReason, detail: string, options?: ErrorOptions) {
    super(`session description refused (${reason}): ${detail}`, options);
    this.reason = reason;
  }
}
