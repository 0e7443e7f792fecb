const START_WITHIN_MS = 5000;

let shared: AudioContext | null = null;

/** The page's one audio context, running. Browsers allow only a few per page. */
export async function audioContext(): Promise<AudioContext> {
  shared ??= new AudioContext();
  if (shared.state !== 'running') {
    // Without a sound device, or a click where one is required, the promise stays pending for ever.
    const tooLate = new Promise((resolve) => setTimeout(resolve, START_WITHIN_MS));
    await Promise.race([shared.resume(), tooLate]);
  }
  if (shared.state !== 'running') throw new Error('the audio context of this page does not start');
  return shared;
}
