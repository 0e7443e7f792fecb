/** Why a link cannot be opened. */
export type MediaLinkReason = 'too-many-connecting' | 'closed' | 'native';

/** Branch on `reason`; `message` is for people. */
export class MediaLinkError extends Error {
  override readonly name = 'MediaLinkError';
  readonly reason: MediaLinkReason;

  constructor(reason: MediaLinkReason, detail: string, options?: ErrorOptions) {
    super(`no media link (${reason}): ${detail}`, options);
    this.reason = reason;
  }
}
