/** The protocol of CASTO without any input or output: messages, records, trailers and the link's state machine. */

export * from './backoff.ts';
export * from './channel-record.ts';
export * from './clock-offset.ts';
export * from './config.ts';
export * from './control-messages.ts';
export * from './errors.ts';
export {
  bytes,
  flag,
  integer,
  list,
  oneOf,
  optional,
  real,
  text,
  tuple,
  type Fields,
  type Reader,
  type Values,
} from './fields.ts';
export * from './frame-trailer.ts';
export * from './link-control.ts';
export * from './link-messages.ts';
export * from './listing-changes.ts';
export * from './listing-messages.ts';
export * from './neighbours.ts';
export { encodeTuple, decodeEntries, messageCodec, type MessageCodec } from './message-codec.ts';
export * from './opus-padding.ts';
export * from './peer-id.ts';
export * from './position.ts';
export * from './posts.ts';
export * from './random.ts';
export * from './rendezvous-messages.ts';
export {
  decodeSignalPayload,
  encodeSignalPayload,
  HANDSHAKE_ID_BYTES,
  MAX_SIGNAL_PAYLOAD_BYTES,
  MAX_SIGNALED_MESSAGES,
  type SignalPayload,
} from './signal-payload.ts';
export {
  decodeSignedSnapshot,
  encodeSignedSnapshot,
  encodeSnapshot,
  isNewerSnapshot,
  MAX_SIGNED_SNAPSHOT_BYTES,
  SNAPSHOT_DOMAIN,
  type Snapshot,
} from './snapshot.ts';
export { readImageShape, type ImageShape } from './snapshot-image.ts';
export * from './standing.ts';
export type {
  Branch,
  BranchMessage,
  Picture,
  SurveyMessage,
  SurveyedPeer,
} from './survey/survey-messages.ts';
export { createSurvey, type Survey } from './survey/survey.ts';
export type * from './survey/survey-io.ts';
export { createDirectory, type Directory } from './tree/directory.ts';
export { createTreePeer, type TreePeer, type TreePeerOptions } from './tree/tree-peer.ts';
export type * from './tree/tree-io.ts';
export { tokenBucket, type TokenBucket } from './token-bucket.ts';
export {
  HEADLESS_TUNING,
  momentaryChildren,
  PAGE_TUNING,
  TREE_DEFAULTS,
  type TreeTuning,
} from './tree/tree-tuning.ts';
export type * from './tree/tree-view.ts';
export type { Offence } from './tree/bans.ts';
export { HOP_MS } from './tree/scores.ts';
