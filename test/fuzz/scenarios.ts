/** Attacks on a running relay. */
export async function runScenario(name: string, seconds: number): Promise<number> {
  throw new Error(`${name} ${seconds}`);
}
