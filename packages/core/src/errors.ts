/** Why bytes from another peer were refused. The reasons are counted by hosts, so the union stays closed. */
export type MalformedReason = 'too-large' | 'not-decodable' | 'wrong-shape' | 'out-of-range' | 'unknown-type';

/** Input from another peer that is not what PROTOCOL.md allows. Branch on `reason`; `message` is for people. */
export class MalformedError extends Error {
  override readonly name = 'MalformedError';
  readonly reason: MalformedReason;

  constructor(reason: MalformedReason, detail: string, options?: ErrorOptions) {
    super(`malformed input: ${detail} (${reason})`, options);
    this.reason = reason;
  }
}

/** Marks a branch that the type checker has shown to be impossible. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${String(value)}`);
}
