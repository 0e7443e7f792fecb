/**
 * CASTO for React.
 *
 * @packageDocumentation
 */

export { CastoPlayer, type CastoPlayerProps } from './casto-player.ts';
export { useCasto, type CastoUse, type UseCastoOptions } from './use-casto.ts';
export { useChannels, type ChannelsUse, type UseChannelsOptions } from './use-channels.ts';
