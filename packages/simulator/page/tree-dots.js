/** Where each peer of a snapshot stands, and what is told of it. */

/**
 * @typedef {import('./tree-picture.ts').TreeSnapshot} Snapshot
 * @typedef {{ row: number, id: number, parent: number, kind: number, isHungry: boolean, isLiar: boolean, depth: number,
 *   angle: number, radius: number, x: number, y: number }} Dot
 */

export const DETACHED = -2;
const IS_HUNGRY = 4;
const IS_LIAR = 8;
const FULL_CIRCLE = 3600;
/** Room of an empty circle, beside 1 of the fullest. */
const LEAST_ROOM = 0.25;
const NAMES = ['streamer', 'headless relay', 'viewer', 'viewer'];
const SERVING = 2;

/**
 * @param {Snapshot} snapshot
 * @param {number} deepest - Depth beyond which those stand who have no path.
 * @param {readonly number[]} radii - How far out each depth is drawn.
 */
export function dotsOf(snapshot, deepest, radii) {
  /** @type {Dot[]} */
  const dots = [];
  for (const [row, id] of snapshot.ids.entries()) {
    const parent = snapshot.parents[row] ?? DETACHED;
    const code = snapshot.kinds[row] ?? 0;
    const depth = parent === DETACHED ? deepest + 1 : parent < 0 ? 0 : (dots[parent]?.depth ?? 0) + 1;
    dots.push({
      row,
      id,
      parent,
      kind: code % IS_HUNGRY,
      isHungry: (code & IS_HUNGRY) !== 0,
      isLiar: (code & IS_LIAR) !== 0,
      depth,
      angle: ((snapshot.angles[row] ?? 0) / FULL_CIRCLE) * 2 * Math.PI - Math.PI / 2,
      radius: radii[depth] ?? 1,
      x: 0,
      y: 0,
    });
  }
  return dots;
}

/**
 * How far out each depth is drawn, from 0 to 1; the last place is for those without a path. Circles with many peers
 * get more room.
 *
 * @param {readonly Snapshot[]} snapshots
 * @param {number} deepest
 */
export function radiiOf(snapshots, deepest) {
  const counts = new Float64Array(deepest + 2);
  for (const { depth } of snapshots.flatMap((snapshot) => dotsOf(snapshot, deepest, [])))
    counts[depth] = (counts[depth] ?? 0) + 1;
  const most = Math.max(1, ...counts);
  const rooms = [...counts].map((each) => LEAST_ROOM + Math.sqrt(each / most));
  rooms[0] = 0;
  rooms[deepest + 1] = LEAST_ROOM * 2;
  const whole = rooms.reduce((sum, room) => sum + room, 0);
  let outer = 0;
  return rooms.map((room) => (outer += room) / whole);
}

/**
 * The rows from a peer to the streamer.
 *
 * @param {readonly Dot[]} dots
 * @param {number} id
 */
export function pathOf(dots, id) {
  /** @type {Set<number>} */
  const rows = new Set();
  let row = dots.findIndex((dot) => dot.id === id);
  while (row >= 0 && !rows.has(row)) {
    rows.add(row);
    row = dots[row]?.parent ?? -1;
  }
  return rows;
}

/**
 * Where an arrow key leads: to the parent, the first child, or along the circle.
 *
 * @param {readonly Dot[]} dots
 * @param {number} id
 * @param {string} key
 */
export function walk(dots, id, key) {
  const dot = dots.find((each) => each.id === id);
  if (dot === undefined || key === 'Home') return dots[0]?.id ?? -1;
  const level = dots.filter((each) => each.depth === dot.depth).sort((a, b) => a.angle - b.angle);
  const at = level.indexOf(dot);
  switch (key) {
    case 'ArrowUp':
      return dots[dot.parent]?.id ?? id;
    case 'ArrowDown':
      return dots.find((each) => each.parent === dot.row)?.id ?? id;
    case 'ArrowRight':
      return level[(at + 1) % level.length]?.id ?? id;
    default:
      return level[(at + level.length - 1) % level.length]?.id ?? id;
  }
}

/**
 * @param {Dot} dot
 * @param {readonly Dot[]} dots
 * @param {Snapshot} snapshot
 */
export function describeDot(dot, dots, snapshot) {
  const name = dot.kind === 0 ? 'streamer' : `${NAMES[dot.kind] ?? 'peer'} ${dot.id}`;
  const children = snapshot.children[dot.row] ?? 0;
  const drawn = dots.filter((each) => each.parent === dot.row).length;
  const shown = drawn < children ? ` (${drawn} drawn)` : '';
  const parts = [
    dot.isLiar ? `${name}, a liar` : name,
    dot.parent === DETACHED ? 'no path to the streamer' : `depth ${dot.depth}`,
    `${count(children)} ${children === 1 ? 'child' : 'children'}${shown}`,
    `${count(snapshot.below[dot.row] ?? 0)} viewers below`,
  ];
  if (dot.depth > 0 && dot.parent !== DETACHED)
    parts.push(`${count(snapshot.delays[dot.row] ?? 0)} ms from the streamer`);
  if (dot.kind === SERVING) parts.push('passes the stream on');
  if (dot.kind >= SERVING) parts.push(dot.isHungry ? 'without media' : 'has media');
  return parts;
}

/** @param {Snapshot} snapshot */
export function describeSnapshot(snapshot) {
  const fed = snapshot.viewers === 0 ? 0 : (snapshot.fed / snapshot.viewers) * 100;
  const seconds = Math.floor(snapshot.at / 1000);
  const parts = [
    `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`,
    `${count(snapshot.viewers)} viewers`,
    `${fed.toFixed(2)} % with media`,
    `depth ${snapshot.depth}`,
  ];
  if (snapshot.faults.length > 0) parts.push(`fault: ${snapshot.faults.join(', ')}`);
  return parts;
}

/** @param {number} value */
export function count(value) {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ' ');
}
