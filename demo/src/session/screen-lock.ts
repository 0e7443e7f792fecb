/** Where locks come from, and when the system takes them away. */
export interface ScreenLockSystem {
  readonly page: Pick<Document, 'visibilityState' | 'addEventListener'>;
  /** Absent on plain-http pages and in older browsers. */
  readonly wakeLock: Pick<WakeLock, 'request'> | undefined;
}

/** Keeps a phone awake while it broadcasts: a sleeping phone closes its camera. */
export class ScreenLock {
  readonly #system: ScreenLockSystem;
  #lock: WakeLockSentinel | null = null;
  #wanted = false;

  constructor(system: ScreenLockSystem = { page: document, wakeLock: navigator.wakeLock }) {
    this.#system = system;
    // The system takes the lock away whenever the page is hidden.
    system.page.addEventListener('visibilitychange', () => void this.#take());
  }

  hold(): void {
    this.#wanted = true;
    void this.#take();
  }

  release(): void {
    this.#wanted = false;
    void this.#lock?.release();
    this.#lock = null;
  }

  async #take(): Promise<void> {
    const { page, wakeLock } = this.#system;
    if (!this.#isMissing() || page.visibilityState !== 'visible') return;
    const lock = await wakeLock?.request('screen').catch(() => null);
    if (lock === null || lock === undefined) return;
    // Meanwhile the broadcast may have ended, or another request may have been quicker.
    if (this.#isMissing()) this.#lock = lock;
    else void lock.release();
  }

  #isMissing(): boolean {
    return this.#wanted && this.#lock?.released !== false;
  }
}
