/** Counts time where the browser does not slow it down: timers of pages in the background are. */

let timer: ReturnType<typeof setInterval> | undefined;

self.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
  clearInterval(timer);
  if (typeof data === 'number' && data > 0) timer = setInterval(() => self.postMessage(null), data);
});
