/** Why CASTO could not do what was asked. A closed union: branch on it. */
export type CastoErrorReason =
  /** The person, the system or the relay (publish token) said no. */
  | 'no-permission'
  /** There is no camera, microphone or screen to capture, or it is in use. */
  | 'no-device'
  /** Broadcasting needs https or localhost. Watching does not. */
  | 'insecure-context'
  /** The browser lacks WebRTC. */
  | 'unsupported-browser'
  /** The channel's video codec cannot be decoded (or encoded) here. */
  | 'no-common-codec'
  /** None of the relays answers. */
  | 'no-relay'
  /** No relay knows the channel. */
  | 'channel-not-found'
  /** The channel is known, but nothing is broadcast. */
  | 'channel-offline'
  /** Every relay that carries the channel is full. */
  | 'relay-full'
  /** The other end was reached but did not finish in time. */
  | 'timed-out'
  /** More was to be sent than one message holds. */
  | 'too-large'
  /** More messages were to be sent than everybody would want to read: try again in a few seconds. */
  | 'rate-limited'
  /** `stop()` was called, or the signal was aborted. */
  | 'aborted'
  /** The other end did what the protocol does not allow, or speaks another version of it. */
  | 'protocol';

/** Branch on `reason`; `message` is for people. */
export class CastoError extends Error {
  override readonly name = 'CastoError';
  readonly reason: CastoErrorReason;

  constructor(reason: CastoErrorReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** Wraps whatever was thrown; a `CastoError` stays as it is. */
export function toCastoError(error: unknown, reason: CastoErrorReason, message: string): CastoError {
  return error instanceof CastoError ? error : new CastoError(reason, message, { cause: error });
}
