/** Calls between the benchmark and the processes it measures. Arguments and results are text. */

import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';

/** Joining two hundred viewers on a busy machine takes a while. */
const CALL_MS = 60_000;

type Methods = Readonly<Record<string, (argument: string) => string | Promise<string>>>;

/** Runs in the worker: answers calls until the benchmark is gone. */
export function answerCalls(methods: Methods): void {
  process.on('disconnect', () => process.exit(0));
  process.on('message', (message: unknown) => {
    const call = readFields(message);
    if (call === null) return;
    const method = methods[call.name];
    Promise.resolve(method?.(call.text) ?? '').then(
      (text) => process.send?.({ id: call.id, name: 'result', text }),
      (error: unknown) => process.send?.({ id: call.id, name: 'failure', text: String(error) }),
    );
  });
}

/** A process of the benchmark, seen from outside. */
export class Worker {
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, { resolve: (text: string) => void; reject: (error: Error) => void }>();
  #calls = 0;

  /** @param file - Beside this one. */
  constructor(file: string, execArgv: readonly string[] = []) {
    this.#process = fork(new URL(file, import.meta.url), [], {
      execArgv: [...process.execArgv, ...execArgv],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#process.on('message', (message: unknown) => this.#settle(message));
    this.#process.on('exit', (code) => this.#fail(new Error(`${file} ended with ${code ?? 'a signal'}`)));
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  call(name: string, text = ''): Promise<string> {
    this.#calls += 1;
    const id = this.#calls;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${name} took more than ${CALL_MS} ms`)), CALL_MS);
      const settle =
        <Value>(settled: (value: Value) => void) =>
        (value: Value): void => {
          clearTimeout(timer);
          settled(value);
        };
      this.#waiting.set(id, { resolve: settle(resolve), reject: settle(reject) });
      this.#process.send({ id, name, text });
    });
  }

  /** Stops the process without ending it, so that it takes no CPU time from those that are measured. */
  freeze(): void {
    this.#process.kill('SIGSTOP');
  }

  end(): void {
    this.#process.removeAllListeners('exit');
    this.#process.kill('SIGCONT');
    this.#process.kill('SIGKILL');
  }

  #settle(message: unknown): void {
    const result = readFields(message);
    if (result === null) return;
    const waiting = this.#waiting.get(result.id);
    this.#waiting.delete(result.id);
    if (result.name === 'result') waiting?.resolve(result.text);
    else waiting?.reject(new Error(result.text));
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

function readFields(message: unknown): { id: number; name: string; text: string } | null {
  if (typeof message !== 'object' || message === null) return null;
  if (!('id' in message) || !('name' in message) || !('text' in message)) return null;
  const { id, name, text } = message;
  return typeof id === 'number' && typeof name === 'string' && typeof text === 'string'
    ? { id, name, text }
    : null;
}

/** Numbers that a worker sent as JSON. */
export function readNumbers(text: string): Readonly<Record<string, number>> {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null) throw new TypeError('not an object');
  return Object.fromEntries(
    Object.entries(value).map(([name, entry]: [string, unknown]) => {
      if (typeof entry !== 'number') throw new TypeError(`${name} is not a number`);
      return [name, entry];
    }),
  );
}
