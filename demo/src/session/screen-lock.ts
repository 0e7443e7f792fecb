/** Keeps a phone awake while it broadcasts: a sleeping phone closes its camera. */
export class ScreenLock {
  #lock: WakeLockSentinel | null = null;
  #wanted = false;

  constructor() {
    // The system takes the lock away whenever the page is hidden.
    document.addEventListener('visibilitychange', () => void this.#take());
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
    // Absent on plain-http pages and in older browsers, though the types promise it.
    const wakeLock: WakeLock | undefined = navigator.wakeLock;
    if (!this.#wanted || wakeLock === undefined || document.visibilityState !== 'visible') return;
    this.#lock = await wakeLock.request('screen').catch(() => null);
  }
}
