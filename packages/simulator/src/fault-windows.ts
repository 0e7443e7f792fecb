import type { WorldEvent } from './world-view.ts';

export interface FaultSpan {
  readonly name: string;
  readonly from: number;
  /** `null` while it is at work. */
  readonly to: number | null;
}

/** An instant is stored as a floating-point sum of others. */
const TOLERANCE_MS = 1;

/** When which fault was at work. */
export class FaultWindows {
  readonly #spans: FaultSpan[] = [];

  get spans(): readonly FaultSpan[] {
    return this.#spans;
  }

  note(event: Extract<WorldEvent, { type: 'fault' }>): void {
    if (!event.isOver) {
      this.#spans.push({ name: event.name, from: event.at, to: null });
      return;
    }
    const index = this.#spans.findLastIndex((span) => span.name === event.name && span.to === null);
    const span = this.#spans[index];
    if (span !== undefined) this.#spans[index] = { ...span, to: event.at };
  }

  /** Whether a fault of this name was at work at this instant. */
  covers(name: string, at: number): boolean {
    return this.#spans.some(
      (span) =>
        span.name === name &&
        at >= span.from - TOLERANCE_MS &&
        (span.to === null || at <= span.to + TOLERANCE_MS),
    );
  }
}
