/** Where every case of a union has been handled: the compiler objects when one is added. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
