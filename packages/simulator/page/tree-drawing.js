/** Paints one instant of the tree: a circle per hop, links, and peers in their shapes. */

/** @typedef {import('./tree-dots.js').Dot} Dot */

const KINDS = ['streamer', 'relay', 'serving', 'viewer'];
export const SIZES = [7, 5, 3.4, 2.3];
/** A circle nearer than this to the next has no number. */
const LEAST_LABEL_PX = 16;

/**
 * @typedef {object} Picture
 * @property {CanvasRenderingContext2D} paint
 * @property {number} middle - Half of the picture's width, in CSS pixels.
 * @property {number} outer - Radius of the outermost circle.
 * @property {readonly number[]} radii - How far out each depth is drawn, from 0 to 1.
 * @property {readonly Dot[]} dots
 * @property {ReadonlySet<number>} path - Rows from the chosen peer to the streamer.
 * @property {number} chosen - Its id.
 * @property {Readonly<Record<string, string>>} colours
 */

/** @param {Picture} picture */
export function paintTree(picture) {
  const { paint, middle, dots, path } = picture;
  paint.clearRect(0, 0, middle * 2, middle * 2);
  drawCircles(picture);
  drawLinks(picture);
  const grow = Math.max(0.75, Math.min(1.25, middle / 320));
  for (const dot of dots.toReversed()) drawDot(picture, dot, (SIZES[dot.kind] ?? 2) * grow);
  for (const dot of dots) if (path.has(dot.row)) mark(picture, dot, grow);
}

/**
 * Sets it on its way from where its peer was before.
 *
 * @param {Dot} dot
 * @param {Dot | undefined} was
 * @param {number} done - Share of the way, 0 to 1.
 * @param {{ middle: number, outer: number }} size
 */
export function placeDot(dot, was, done, { middle, outer }) {
  let turn = was === undefined ? 0 : was.angle - dot.angle;
  if (turn > Math.PI) turn -= 2 * Math.PI;
  if (turn < -Math.PI) turn += 2 * Math.PI;
  const angle = dot.angle + turn * (1 - done);
  const radius = (was === undefined ? dot.radius : was.radius + (dot.radius - was.radius) * done) * outer;
  dot.x = middle + Math.cos(angle) * radius;
  dot.y = middle + Math.sin(angle) * radius;
}

/** @param {Picture} picture */
function drawCircles({ paint, middle, outer, radii, colours }) {
  paint.lineWidth = 1;
  paint.font = '11px system-ui, sans-serif';
  paint.textAlign = 'center';
  paint.strokeStyle = colours['line'] ?? '';
  paint.fillStyle = colours['muted'] ?? '';
  // The last one is for those without a path.
  for (const [depth, share] of radii.slice(0, -1).entries()) {
    const radius = share * outer;
    paint.beginPath();
    paint.arc(middle, middle, radius, 0, 2 * Math.PI);
    paint.stroke();
    const room = radius - (radii[depth - 1] ?? 0) * outer;
    if (depth > 1 && room >= LEAST_LABEL_PX) paint.fillText(String(depth), middle, middle - radius + 14);
  }
}

/** @param {Picture} picture */
function drawLinks({ paint, middle, outer, dots, path, colours }) {
  for (const dot of dots) {
    const parent = dots[dot.parent];
    if (parent === undefined) continue;
    const isOnPath = path.has(dot.row) && path.has(dot.parent);
    paint.strokeStyle = colours[isOnPath ? 'ink' : dot.isHungry ? 'hungry' : 'link'] ?? '';
    // Many thin lines, or all would be one surface on a phone.
    paint.lineWidth = isOnPath ? 2 : Math.max(0.4, Math.min(1, middle / 400));
    const half = ((parent.radius + dot.radius) / 2) * outer;
    const toAngle = Math.atan2(dot.y - middle, dot.x - middle);
    const fromAngle = dot.depth === 1 ? toAngle : Math.atan2(parent.y - middle, parent.x - middle);
    paint.beginPath();
    paint.moveTo(parent.x, parent.y);
    paint.bezierCurveTo(
      middle + Math.cos(fromAngle) * half,
      middle + Math.sin(fromAngle) * half,
      middle + Math.cos(toAngle) * half,
      middle + Math.sin(toAngle) * half,
      dot.x,
      dot.y,
    );
    paint.stroke();
  }
}

/**
 * Kinds differ in shape too, for those who do not tell the colours apart.
 *
 * @param {Picture} picture
 * @param {Dot} dot
 * @param {number} size
 */
function drawDot({ paint, colours }, dot, size) {
  const kind = KINDS[dot.kind] ?? 'viewer';
  const isHollow = dot.isHungry && !dot.isLiar;
  paint.beginPath();
  if (dot.isLiar) {
    paint.moveTo(dot.x, dot.y - size * 1.7);
    paint.lineTo(dot.x + size * 1.5, dot.y + size * 1.1);
    paint.lineTo(dot.x - size * 1.5, dot.y + size * 1.1);
    paint.closePath();
  } else if (kind === 'relay') paint.rect(dot.x - size, dot.y - size, size * 2, size * 2);
  else paint.arc(dot.x, dot.y, size, 0, 2 * Math.PI);
  paint.fillStyle = colours[isHollow ? 'card' : dot.isLiar ? 'liar' : kind] ?? '';
  paint.fill();
  if (!isHollow) return;
  paint.strokeStyle = colours['hungry'] ?? '';
  paint.lineWidth = 1.5;
  paint.stroke();
}

/**
 * @param {Picture} picture
 * @param {Dot} dot
 * @param {number} grow
 */
function mark({ paint, chosen, colours }, dot, grow) {
  const isChosen = dot.id === chosen;
  paint.beginPath();
  paint.arc(dot.x, dot.y, ((SIZES[dot.kind] ?? 2) + (isChosen ? 5 : 2)) * grow, 0, 2 * Math.PI);
  paint.strokeStyle = colours['ink'] ?? '';
  paint.lineWidth = isChosen ? 2 : 1;
  paint.stroke();
}
