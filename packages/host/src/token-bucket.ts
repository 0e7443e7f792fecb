/** The core limits what passes through a peer with the same bucket. */
export { tokenBucket, type TokenBucket } from '@casto/core';
