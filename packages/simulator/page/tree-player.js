/**
 * Shows the tree of one instant after the other: the streamer in the middle, a circle per hop, and outside of all
 * those who have no path to the streamer.
 */

import { count, describeDot, describeSnapshot, dotsOf, pathOf, radiiOf, walk } from './tree-dots.js';
import { paintTree, placeDot, SIZES } from './tree-drawing.js';

/**
 * @typedef {import('./tree-picture.ts').TreeSnapshot} Snapshot
 * @typedef {import('./tree-dots.js').Dot} Dot
 */

const STEP_MS = 900;
const TWEEN_MS = 450;
/** How near the pointer must be, in CSS pixels. */
const REACH_PX = 16;
/** Space around the outermost circle. */
const MARGIN_PX = 10;
const COLOURS = 'card ink line link muted streamer relay serving viewer hungry liar'.split(' ');

/**
 * @template {Element} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
function element(id, type) {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`the page has no ${id}`);
  return found;
}

const canvas = element('tree', HTMLCanvasElement);
const slider = element('tree-time', HTMLInputElement);
const playButton = element('tree-play', HTMLButtonElement);
const caption = element('tree-caption', HTMLElement);
const details = element('tree-details', HTMLElement);
const tip = element('tree-tip', HTMLElement);
const paint = canvas.getContext('2d');
const isStill = matchMedia('(prefers-reduced-motion: reduce)');

/** @type {readonly Snapshot[]} */
let snapshots = [];
let deepest = 1;
/** @type {readonly number[]} */
let radii = [0, 1];
/** @type {Dot[]} */
let dots = [];
/** @type {ReadonlyMap<number, Dot>} */
let before = new Map();
let tweenStart = 0;
/** The peer that the reader looks at, or -1. */
let chosen = -1;
/** @type {ReturnType<typeof setInterval> | undefined} */
let playing;

/**
 * Shows them, the last one first.
 *
 * @param {readonly Snapshot[]} given
 */
export function playTree(given) {
  snapshots = given;
  deepest = Math.max(1, ...snapshots.map((snapshot) => snapshot.depth));
  radii = radiiOf(snapshots, deepest);
  slider.addEventListener('input', () => go(Number(slider.value)));
  playButton.addEventListener('click', play);
  canvas.addEventListener('pointermove', point);
  canvas.addEventListener('pointerdown', point);
  canvas.addEventListener('pointerleave', (event) => {
    // A finger that is lifted leaves too, and then the reader reads.
    if (event.pointerType !== 'touch') choose(-1);
  });
  canvas.addEventListener('keydown', (event) => {
    if (event.key === ' ') play();
    else if (event.key === 'Escape') choose(-1);
    else if (event.key.startsWith('Arrow') || event.key === 'Home') choose(walk(dots, chosen, event.key));
    else return;
    event.preventDefault();
  });
  new ResizeObserver(() => requestAnimationFrame(draw)).observe(canvas);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => requestAnimationFrame(draw));
  go(Number(slider.value));
}

function current() {
  return snapshots[Number(slider.value)];
}

/** @param {number} index */
function go(index) {
  slider.value = String(index);
  const snapshot = current();
  if (snapshot === undefined) return;
  before = new Map(dots.map((dot) => [dot.id, dot]));
  dots = dotsOf(snapshot, deepest, radii);
  if (!dots.some((dot) => dot.id === chosen)) chosen = -1;
  const parts = describeSnapshot(snapshot);
  slider.setAttribute('aria-valuetext', parts.join(', '));
  parts.push(`drawn: ${count(snapshot.ids.length)} of ${count(snapshot.peers + snapshot.detached)} peers`);
  caption.textContent = parts.join(' · ');
  tweenStart = isStill.matches ? -Infinity : performance.now();
  requestAnimationFrame((now) => {
    draw(now);
    tell();
  });
}

/** @param {number} now */
function draw(now) {
  if (paint === null) return;
  const size = canvas.clientWidth;
  const scale = devicePixelRatio;
  if (canvas.width !== Math.round(size * scale)) {
    canvas.width = Math.round(size * scale);
    canvas.height = Math.round(size * scale);
  }
  const style = getComputedStyle(canvas);
  const colours = Object.fromEntries(COLOURS.map((name) => [name, style.getPropertyValue(`--${name}`)]));
  const done = Math.min(1, Math.max(0, (now - tweenStart) / TWEEN_MS));
  const middle = size / 2;
  const outer = middle - MARGIN_PX;
  for (const dot of dots) placeDot(dot, before.get(dot.id), 1 - (1 - done) ** 3, { middle, outer });
  paint.setTransform(scale, 0, 0, scale, 0, 0);
  paintTree({ paint, middle, outer, radii, dots, path: pathOf(dots, chosen), chosen, colours });
  if (done < 1) requestAnimationFrame(draw);
}

/** Shows what is known of the chosen peer, beside it or, on a phone, below the picture. */
function tell() {
  const dot = dots.find((each) => each.id === chosen);
  const snapshot = current();
  tip.hidden = dot === undefined;
  if (dot === undefined || snapshot === undefined) {
    details.textContent = '';
    return;
  }
  const parts = describeDot(dot, dots, snapshot);
  details.textContent = parts.join(', ');
  tip.textContent = parts.join('\n');
  const isLeft = dot.x > canvas.clientWidth / 2;
  tip.style.left = isLeft ? '' : `${dot.x + 14}px`;
  tip.style.right = isLeft ? `${canvas.clientWidth - dot.x + 14}px` : '';
  tip.style.top = `${Math.max(0, dot.y - 14)}px`;
}

/** @param {number} id */
function choose(id) {
  if (id === chosen) return;
  chosen = id;
  requestAnimationFrame((now) => {
    draw(now);
    tell();
  });
}

/** @param {PointerEvent} event */
function point(event) {
  const box = canvas.getBoundingClientRect();
  const [x, y] = [event.clientX - box.left, event.clientY - box.top];
  let best = -1;
  let nearest = REACH_PX;
  for (const dot of dots) {
    const distance = Math.hypot(dot.x - x, dot.y - y) - (SIZES[dot.kind] ?? 2);
    if (distance < nearest) [best, nearest] = [dot.id, distance];
  }
  choose(best);
}

function play() {
  if (playing !== undefined) {
    pause();
    return;
  }
  if (Number(slider.value) === snapshots.length - 1) go(0);
  playButton.textContent = 'Pause';
  playing = setInterval(() => {
    if (Number(slider.value) + 1 < snapshots.length) go(Number(slider.value) + 1);
    if (Number(slider.value) + 1 >= snapshots.length) pause();
  }, STEP_MS);
}

function pause() {
  clearInterval(playing);
  playing = undefined;
  playButton.textContent = 'Play';
}
