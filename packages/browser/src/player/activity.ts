/** Whether somebody is using the player just now: controls hide from those who only watch. */

/** Long enough to read what is shown and to reach for it. */
const IDLE_AFTER_MS = 3_000;

export class Activity {
  readonly #onChange: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isActive = false;

  /** @param onChange - Called after each change of `isActive`. */
  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  get isActive(): boolean {
    return this.#isActive;
  }

  /** Somebody moved, pressed or touched. */
  notice(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#set(false), IDLE_AFTER_MS);
    this.#set(true);
  }

  /** They went away, or want the controls gone. */
  dismiss(): void {
    clearTimeout(this.#timer);
    this.#set(false);
  }

  /** As `dismiss`, but nobody is told. */
  close(): void {
    clearTimeout(this.#timer);
    this.#isActive = false;
  }

  #set(isActive: boolean): void {
    if (isActive === this.#isActive) return;
    this.#isActive = isActive;
    this.#onChange();
  }
}
