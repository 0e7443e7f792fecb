import { CASTO, CastoError } from 'casto';

/** Named when the page is built: `VITE_CASTO_RELAY=https://relay.example npm run build`. */
const RELAY: string = import.meta.env.VITE_CASTO_RELAY ?? 'http://localhost:8080';
const STATS_MS = 1000;

const video = find('#video', HTMLVideoElement);
const goLive = find('#go-live', HTMLButtonElement);
const sound = find('#sound', HTMLButtonElement);
const link = find('#link', HTMLAnchorElement);
const status = find('#status', HTMLElement);
const numbers = find('#stats', HTMLElement);

const casto = new CASTO({ relays: [RELAY], title: 'An example' });
const isViewer = casto.channel !== '';

casto.addEventListener('viewers', ({ detail }) => say(`${detail.count} watching`));
casto.addEventListener('ended', () => say('The broadcast is over.'));
// What can be repaired is being repaired.
casto.addEventListener('error', ({ detail }) => say(detail.message));

goLive.hidden = isViewer;
// The camera is asked for after a click, so that people know why.
goLive.addEventListener('click', () => void start());
sound.addEventListener('click', () => {
  video.muted = false;
  sound.hidden = true;
});
if (isViewer) void start();

async function start(): Promise<void> {
  goLive.hidden = true;
  say(isViewer ? 'Joining' : 'Going live');
  try {
    video.srcObject = await casto.start();
    sound.hidden = !isViewer;
    link.href = casto.link;
    link.textContent = 'Link for viewers';
    setInterval(() => void showStats(), STATS_MS);
  } catch (error) {
    // Anything else is a mistake in this page.
    if (!(error instanceof CastoError)) throw error;
    say(`${error.reason}: ${error.message}`);
  }
}

async function showStats(): Promise<void> {
  const { video: picture, depth, latencyMs, children, upload } = await casto.stats();
  numbers.textContent = [
    `${picture?.width ?? 0}x${picture?.height ?? 0} at ${picture?.framesPerSecond ?? 0}`,
    `hops from the streamer: ${depth ?? 'unknown'}`,
    `late by: ${latencyMs === null ? 'unknown' : `${Math.round(latencyMs)} ms`}`,
    `passes it on to ${children.length}, ${Math.round(upload.bitsPerSecond / 1000)} kbit/s`,
  ].join('\n');
}

function say(text: string): void {
  status.textContent = text;
}

function find<E extends Element>(selector: string, type: new () => E): E {
  const element = document.querySelector(selector);
  if (!(element instanceof type)) throw new Error(`the page has no ${selector}`);
  return element;
}
