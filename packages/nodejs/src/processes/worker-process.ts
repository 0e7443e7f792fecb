/**
 * One media worker as the main process sees it: a child process that is spoken to, and watched.
 *
 *   starting ──ready──▶ ready ──exit, or silent for seconds──▶ ended
 */

import { fork, type ChildProcess } from 'node:child_process';
import type { Clock } from '@casto/host';
import { Outcome } from './outcome.ts';
import type { WorkerEntry } from './worker-entry.ts';
import { isFromWorker, MAX_UNREAD_MESSAGES } from './worker-messages.ts';
import type { FromWorker, ToWorker, WorkerSettings } from './worker-messages.ts';

/** A worker that does not hear of the main process for 150 ms lets its children look for another parent. */
const BEAT_MS = 50;
/** A report costs the worker a walk over its links. */
const BEATS_PER_REPORT = 20;
/** Loading takes a second, and ten on a machine that does much else. */
const START_MS = 30_000;
/** For a worker that was told to stop. The command waits two seconds for all that stops. */
const STOP_MS = 1_000;
/** The last words of a process that failed are at the end of what it said. */
const MAX_SAID_CHARS = 2_000;

export interface WorkerProcessOptions {
  readonly entry: WorkerEntry;
  readonly settings: WorkerSettings;
  readonly clock: Clock;
  /** Reports that may be overdue, one more each second, before the worker counts as hung. */
  readonly maxMissedReports: number;
  readonly onMessage: (message: FromWorker) => void;
  /** The process is gone, or as good as gone. Called once. */
  readonly onEnded: (ended: WorkerEnd) => void;
}

export interface WorkerEnd {
  /** `stopped`: it was told to. `hung`: it was ended because it did not answer. */
  readonly why: 'stopped' | 'crashed' | 'hung' | 'not-started';
  /** What is known of it, in one line. */
  readonly detail: string;
}

export class WorkerProcess {
  readonly #options: WorkerProcessOptions;
  readonly #process: ChildProcess;
  readonly #exited = new Outcome<void>();
  #phase: 'starting' | 'ready' | 'stopping' | 'ended' = 'starting';
  #unread = 0;
  #beats = 0;
  #missedReports = 0;
  /** Something was not said to it: what it has is not what the main process thinks it has. */
  #hasRefused = false;
  #said = '';
  #cancelTimer: () => void;

  constructor(options: WorkerProcessOptions) {
    const { entry, settings, clock } = options;
    this.#options = options;
    this.#process = fork(entry.file, [], {
      execArgv: [...entry.execArgv],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#listen();
    this.send({ type: 'start', ...settings });
    this.#cancelTimer = clock.setTimer(
      () => this.#giveUp('not-started', 'it was not ready in time'),
      START_MS,
    );
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  get isReady(): boolean {
    return this.#phase === 'ready';
  }

  /** @returns Whether it takes that in; one that does not is ended before long. */
  send(message: ToWorker): boolean {
    if (this.#phase === 'ended' || !this.#process.connected) return false;
    if (this.#unread >= MAX_UNREAD_MESSAGES) {
      this.#hasRefused = true;
      return false;
    }
    this.#unread++;
    // With a callback nothing is thrown when the process has just gone; its end is told by another event.
    this.#process.send(message, () => this.#unread--);
    return true;
  }

  /** @returns When the process is gone. Idempotent. */
  stop(): Promise<void> {
    if (this.#phase !== 'ended' && this.#phase !== 'stopping') {
      this.#phase = 'stopping';
      this.#cancelTimer();
      this.send({ type: 'stop' });
      this.#cancelTimer = this.#options.clock.setTimer(() => this.kill(), STOP_MS);
    }
    return this.#exited.promise;
  }

  /** Ends a process that is stopped or hangs, too. */
  kill(): void {
    this.#process.kill('SIGKILL');
  }

  #listen(): void {
    const child = this.#process;
    child.on('message', (message: unknown) => {
      if (this.#phase !== 'ended' && isFromWorker(message)) this.#take(message);
    });
    child.on('exit', (code, signal) => {
      this.#exited.resolve(undefined);
      const exit = signal === null ? `it exited with ${code}` : `it was ended by ${signal}`;
      const last = this.#said.trim().split('\n').at(-1) ?? '';
      const why =
        this.#phase === 'starting' ? 'not-started' : this.#phase === 'stopping' ? 'stopped' : 'crashed';
      this.#end(why, last === '' ? exit : `${exit}: ${last}`);
    });
    // Of a process that could not be started; one that was not has no exit.
    child.on('error', (error) => {
      if (child.pid !== undefined) return;
      this.#exited.resolve(undefined);
      this.#end('not-started', error.message);
    });
    child.stderr?.on('data', (text: Buffer) => {
      this.#said = (this.#said + text.toString()).slice(-MAX_SAID_CHARS);
    });
  }

  #take(message: FromWorker): void {
    if (message.type === 'report') this.#missedReports = 0;
    if (message.type === 'ready' && this.#phase === 'starting') {
      this.#phase = 'ready';
      this.#cancelTimer();
      this.#beat();
    }
    this.#options.onMessage(message);
  }

  /** Reports are counted by timers of this process: when it stood still itself, nothing is overdue. */
  #beat(): void {
    if (this.#hasRefused) return this.#giveUp('hung', `it left ${MAX_UNREAD_MESSAGES} messages unread`);
    const wantsReport = this.#beats++ % BEATS_PER_REPORT === 0;
    if (wantsReport && ++this.#missedReports > this.#options.maxMissedReports) {
      return this.#giveUp('hung', `it did not answer for ${this.#options.maxMissedReports} s`);
    }
    this.send({ type: 'beat', wantsReport });
    this.#cancelTimer = this.#options.clock.setTimer(() => this.#beat(), BEAT_MS);
  }

  #giveUp(why: WorkerEnd['why'], detail: string): void {
    this.kill();
    this.#end(why, detail);
  }

  #end(why: WorkerEnd['why'], detail: string): void {
    if (this.#phase === 'ended') return;
    this.#phase = 'ended';
    this.#cancelTimer();
    this.#options.onEnded({ why, detail });
  }
}
