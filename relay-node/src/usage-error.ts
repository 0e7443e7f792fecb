/** The operator asked for something that cannot be done. `message` is the one line they read. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
