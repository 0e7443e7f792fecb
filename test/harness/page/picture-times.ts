/**
 * Notes when each picture passed a page: what the page's worker tells of the frames that come from its parent, or
 * from its own encoder. The frames themselves take the way that they always take.
 */

export interface PictureTime {
  /** By the picture's trailer: milliseconds since 1970 in the streamer's clock. The same on every page. */
  readonly capturedAt: number;
  /** When the picture reached this page, or left the streamer's encoder, in milliseconds since 1970. */
  readonly at: number;
}

/** Ten minutes at 30 pictures a second. */
const KEPT = 18_000;

const times = new Map<number, PictureTime>();

/** Those noted since the last call. */
export function takePictureTimes(): PictureTime[] {
  const taken = [...times.values()];
  times.clear();
  return taken;
}

/** Notes from here on. Runs before the page starts a worker. */
export function recordPictureTimes(): void {
  const Native = globalThis.Worker;
  globalThis.Worker = class extends Native {
    constructor(url: string | URL, options?: WorkerOptions) {
      super(url, options);
      this.addEventListener('message', ({ data }: MessageEvent<unknown>) => note(data));
    }
  };
}

function note(message: unknown): void {
  if (typeof message !== 'object' || message === null) return;
  const { type, kind, capturedAt, at }: Record<string, unknown> = { ...message };
  if (type !== 'frames' || kind !== 'video') return;
  if (typeof capturedAt !== 'number' || typeof at !== 'number') return;
  // Of two parents the first counts.
  if (times.size < KEPT && !times.has(capturedAt)) times.set(capturedAt, { capturedAt, at });
}
