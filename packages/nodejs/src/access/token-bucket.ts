/** For the relay's program, which may import this package alone. */
export { tokenBucket, type TokenBucket } from '@casto/core';
