/** A picture of the children, one dot each: bigger with more viewers below, coloured by how the link does. */

import type { TreeChild } from '@casto/nodejs';
import { element } from './elements.ts';

/** Of packets, beyond which a link shows as bad: the same as where the relay begins to send less. */
const BAD_LOSS = 0.1;
const GAP_PX = 3;
const LEAST_PX = 5;
const MOST_PX = 16;
const MOST_HEIGHT_PX = 240;

/** In CSS pixels: dots of one size, in rows that fill the width. */
export function dotSize(dots: number, width: number): { size: number; columns: number } {
  let size = MOST_PX;
  const fits = (): boolean => {
    const columns = Math.max(1, Math.floor(width / (size + GAP_PX)));
    return Math.ceil(dots / columns) * (size + GAP_PX) <= MOST_HEIGHT_PX;
  };
  while (size > LEAST_PX && !fits()) size--;
  return { size, columns: Math.max(1, Math.floor(width / (size + GAP_PX))) };
}

/** Draws into the page's canvas. Costs one arc for each child. */
export function drawTreeMap(children: readonly TreeChild[]): void {
  const canvas = element('tree-map', HTMLCanvasElement);
  const width = Math.max(1, canvas.clientWidth);
  const { size, columns } = dotSize(children.length, width);
  const cell = size + GAP_PX;
  const rows = Math.ceil(children.length / columns);
  const height = Math.min(MOST_HEIGHT_PX, Math.max(children.length === 0 ? 1 : cell, rows * cell));
  const scale = devicePixelRatio;
  const [pixelWidth, pixelHeight] = [Math.round(width * scale), Math.round(height * scale)];
  // Setting the size clears the canvas, and makes its memory anew.
  if (canvas.width !== pixelWidth) canvas.width = pixelWidth;
  if (canvas.height !== pixelHeight) {
    canvas.height = pixelHeight;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext('2d');
  if (context === null) return;
  const style = getComputedStyle(canvas);
  const colours = {
    good: style.getPropertyValue('--good'),
    bad: style.getPropertyValue('--bad'),
    standby: style.getPropertyValue('--edge'),
  };
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  children.forEach((child, index) => {
    const x = (index % columns) * cell + cell / 2;
    const y = Math.floor(index / columns) * cell + cell / 2;
    context.fillStyle = context.strokeStyle = colours[lookOf(child)];
    context.beginPath();
    context.arc(x, y, radiusOf(child, size), 0, 2 * Math.PI);
    if (child.role === 'standby') context.stroke();
    else context.fill();
  });
}

function lookOf({ role, lossShare, temporalLayer }: TreeChild): 'good' | 'bad' | 'standby' {
  if (role === 'standby') return 'standby';
  return (lossShare ?? 0) >= BAD_LOSS || temporalLayer === -1 ? 'bad' : 'good';
}

/** By the logarithm of the viewers below: one has half the size, a hundred have all of it. */
function radiusOf({ viewers }: TreeChild, size: number): number {
  const share = Math.min(1, 0.5 + Math.log10(Math.max(1, viewers)) / 4);
  return (size / 2) * share;
}
