/**
 * CASTO for React.
 *
 * @packageDocumentation
 */

export { CastoPlayer, type CastoPlayerProps } from './casto-player.ts';
export { useCasto, type CastoUse, type UseCastoOptions } from './use-casto.ts';
