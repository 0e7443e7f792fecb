/** What pages and headless relays share: links, rendezvous, session descriptions, signatures. */

export {
  CandidateIntake,
  canonicalCandidate,
  parseCandidate,
  rewriteCandidateAddress,
  splitCandidates,
} from './candidates.ts';
export {
  pageRtpCapabilities,
  relayRtpCapabilities,
  type NativeCapabilities,
  type RtpCapabilities,
} from './capabilities.ts';
export * from './capability-match.ts';
export { ChannelPosts, type ChannelPostsOptions, type HeardPost, type SayOutcome } from './channel-posts.ts';
export * from './channel-signature.ts';
export * from './child-offer.ts';
export * from './clock.ts';
export {
  acceptParameters,
  CARRIED_CODECS,
  codecParameters,
  HEADER_EXTENSIONS,
  PAYLOAD_TYPES,
  wantedCodecs,
  type CarriedCodec,
  type CodecName,
  type WantedMedia,
} from './codecs.ts';
export * from './libp2p-options.ts';
export * from './link-handshake.ts';
export * from './link-ports.ts';
export { LinkSignaling, type LinkSignalingOptions } from './link-signaling.ts';
export { ListedChannels } from './listed-channels.ts';
export * from './listing-client.ts';
export * from './listing-server.ts';
export * from './media-ports.ts';
export * from './media-watch.ts';
export { asError, messageChannel, type MessageChannel } from './message-channel.ts';
export * from './native-description.ts';
export { NeighbourSearch, type NeighbourSearchOptions } from './neighbour-search.ts';
export { Neighbours, type NeighboursOptions } from './neighbours.ts';
export * from './peer-link.ts';
export * from './received-rate.ts';
export * from './refusal-counter.ts';
export * from './remote-peer.ts';
export * from './rendezvous-client.ts';
export type { Probed } from './rendezvous-questions.ts';
export * from './rendezvous-server.ts';
export * from './session-description-error.ts';
export * from './session-description.ts';
export * from './session-parameters.ts';
export { readDtlsIce, readOfferedSections, type OfferedSection } from './offered-sections.ts';
export * from './signal-forwarding.ts';
export * from './signed-posts.ts';
export * from './signed-signaling.ts';
export * from './snapshot-signature.ts';
export * from './token-bucket.ts';
export * from './tree-driver.ts';
export * from './tree-handshake.ts';
export * from './tree-survey.ts';
