/** Starts a program of this package as a process of its own and collects what it says. */
import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface ListeningLine {
  event: string;
  peerId: string;
  http: string;
  multiaddrs: string[];
}

export class RunningProcess {
  readonly child: ChildProcessWithoutNullStreams;
  readonly exit: Promise<Exit>;
  #stdout = '';
  #stderr = '';

  /** @param program - Path relative to this folder. */
  constructor(program: string, args: readonly string[], env: Record<string, string> = {}) {
    const file = fileURLToPath(new URL(program, import.meta.url));
    this.child = spawn(process.execPath, ['--conditions=casto-source', file, ...args], {
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
    });
    this.child.stdout.on('data', (data: Buffer) => (this.#stdout += String(data)));
    this.child.stderr.on('data', (data: Buffer) => (this.#stderr += String(data)));
    this.exit = once(this.child, 'close').then(() => ({
      code: this.child.exitCode,
      signal: this.child.signalCode,
      stdout: this.#stdout,
      stderr: this.#stderr,
    }));
  }

  /** What was printed to stdout once it matches. */
  async stdoutMatching(pattern: RegExp): Promise<string> {
    return this.#matching(pattern, () => this.#stdout);
  }

  async stderrMatching(pattern: RegExp): Promise<string> {
    return this.#matching(pattern, () => this.#stderr);
  }

  /** The first line of --json. */
  async listening(): Promise<ListeningLine> {
    const text = await this.stdoutMatching(/\n/);
    return JSON.parse(text.slice(0, text.indexOf('\n'))) as ListeningLine;
  }

  async #matching(pattern: RegExp, read: () => string): Promise<string> {
    while (!pattern.test(read())) {
      const ended = this.exit.then(({ code, stderr }) => {
        throw new Error(`exited with ${code} before ${pattern}: ${stderr}`);
      });
      await Promise.race([once(this.child.stdout, 'data'), once(this.child.stderr, 'data'), ended]);
    }
    return read();
  }
}
