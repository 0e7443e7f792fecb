/**
 * The CASTO relay as a library.
 *
 * @packageDocumentation
 */

export { createRelay } from './relay.ts';
export type {
  IncomingTraffic,
  JoinCounts,
  LinkCounts,
  MediaTraffic,
  OutgoingTraffic,
  ProcessMetrics,
  Readiness,
  RelayMetrics,
  SessionCounts,
  SessionResult,
} from './relay-metrics.ts';
export type {
  ChannelOverview,
  ChannelTree,
  OtherRelay,
  RelayOverview,
  TreeChild,
  TreeOffer,
  TreeParent,
  LinkQuality,
} from './relay-overview.ts';

export {
  MAX_SESSION_BODY_BYTES,
  type SessionRequest,
  type SessionResponse,
} from './whip/session-endpoint.ts';
export {
  RelayStartError,
  type LogFields,
  type LogLevel,
  type Relay,
  type RelayChannel,
  type RelayOptions,
  type RelayStartFailure,
  type RelayStatus,
} from './relay-options.ts';
