/** What the kernel says a process has used. Linux only. */

import { readFileSync, readdirSync } from 'node:fs';

/** CPU time of all threads in nanoseconds, from the scheduler, which counts finer than the 10 ms of `ps`. */
export function cpuNanoseconds(pid: number): number {
  let sum = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      sum += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]);
    } catch {
      // The thread ended meanwhile.
    }
  }
  return sum;
}

/** Idle time of all CPUs in seconds since the start of the machine, to tell how busy it was beside the benchmark. */
export function idleSeconds(): number {
  return Number(readFileSync('/proc/uptime', 'utf8').split(' ')[1]);
}
