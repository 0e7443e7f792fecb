/**
 * The two ends of a link as the handshake sees them. Behind them stands an RTCPeerConnection in a page, or one
 * of node-datachannel in a headless relay.
 */

/** The link's data channel `control`. */
export interface ControlPort {
  /** @returns Whether the bytes were taken; `false` when the channel is not open. */
  send(bytes: Uint8Array): boolean;
  onOpen: (() => void) | null;
  onMessage: ((bytes: Uint8Array) => void) | null;
  onClosed: (() => void) | null;
  readonly isOpen: boolean;
}

export type LinkEndState = 'connecting' | 'connected' | 'closed';

export interface LinkEnd {
  readonly control: ControlPort;
  readonly state: LinkEndState;
  onStateChange: ((state: LinkEndState) => void) | null;
  /** Hears all candidates of this end, those found already at once; the empty string after the last. */
  onCandidate: ((candidate: string) => void) | null;
  /** Takes a candidate of the other end; a bad one is dropped. */
  addCandidate(candidate: string): void;
  /** Idempotent. */
  close(): void;
}

/** The child makes the offer. */
export interface ChildEnd extends LinkEnd {
  offer(): Promise<string>;
  /** @throws When the answer is not one to this end's offer. */
  accept(answer: string): Promise<void>;
}

/** The parent answers. */
export interface ParentEnd extends LinkEnd {
  /** @throws When the offer cannot be answered. */
  answer(): Promise<string>;
}
