/** How much of the machine's processor the relay has in use (PROTOCOL.md, C1.1). */

import { availableParallelism } from 'node:os';
import type { Clock } from '@casto/host';

/** Crowds that join take a second or two of processor time, and are none to send away for. */
const SAMPLE_MS = 5_000;
/** Each change is told to every channel, and smaller ones make no difference. */
const STEPS = 20;

export interface ProcessorLoad {
  /** Share of all cores, 0 to 1, over the last five seconds or a little more; 0 before. */
  readonly load: number;
}

/** @param cpuSeconds - Of all processes of the relay since their start; less than before where one is new. */
export function processorLoad(
  clock: Clock,
  cpuSeconds: () => number,
  cores = availableParallelism(),
): ProcessorLoad {
  let sample = { seconds: cpuSeconds(), at: clock.now() };
  let load = 0;
  return {
    get load() {
      const at = clock.now();
      const tookS = (at - sample.at) / 1_000;
      if (tookS * 1_000 < SAMPLE_MS) return load;
      const seconds = cpuSeconds();
      const share = (seconds - sample.seconds) / tookS / cores;
      load = Math.round(Math.min(1, Math.max(0, share)) * STEPS) / STEPS;
      sample = { seconds, at };
      return load;
    },
  };
}
