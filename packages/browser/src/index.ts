/**
 * CASTO: live video from a web page to any number of viewers.
 *
 * @packageDocumentation
 */

export { CASTO } from './casto.ts';
export type { CastoTree, CastoTreePeer } from './casto-tree.ts';
export {
  CastoChannels,
  type CastoChannel,
  type CastoChannelsEventMap,
  type CastoChannelsEvents,
  type CastoChannelsOptions,
  type CastoChannelsState,
} from './channel-list.ts';
export { CastoError, type CastoErrorReason } from './errors.ts';
export type { CastoEventMap, CastoEvents, CastoMessage, EventTargetOf } from './events.ts';
export type { CastoOptions } from './options.ts';
export type {
  CastoAudioStats,
  CastoPeerStats,
  CastoStats,
  CastoTransferStats,
  CastoVideoStats,
} from './stats.ts';
export type { CastoTreeWatch } from './tree-watchers.ts';
