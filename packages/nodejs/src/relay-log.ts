import type { RelayOptions } from './relay-options.ts';

/** Receives one record per transition; the caller formats. */
export type RelayLog = NonNullable<RelayOptions['log']>;
