/** Tells the figures of the place that the reader points at, or walks to with the arrow keys. */

export function attendCharts() {
  for (const figure of document.querySelectorAll('figure.chart')) attend(figure);
}

/** @param {Element} figure */
function attend(figure) {
  const svg = figure.querySelector('svg');
  const cursor = figure.querySelector('.cursor');
  const readout = figure.querySelector('.readout');
  if (svg === null || cursor === null || readout === null) return;
  const places = (svg.dataset['places'] ?? '').split(' ').map(Number);
  const texts = (svg.dataset['texts'] ?? '').split('|');
  let current = -1;

  /** @param {number} index */
  const show = (index) => {
    current = Math.max(0, Math.min(places.length - 1, index));
    const x = String(places[current] ?? 0);
    cursor.removeAttribute('hidden');
    cursor.setAttribute('x1', x);
    cursor.setAttribute('x2', x);
    readout.textContent = texts[current] ?? '';
  };
  const hide = () => {
    current = -1;
    cursor.setAttribute('hidden', '');
    readout.textContent = '';
  };

  /** @param {PointerEvent} event */
  const point = (event) => {
    const box = svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
    show(nearest(places, x));
  };
  svg.addEventListener('pointermove', point);
  svg.addEventListener('pointerdown', point);
  svg.addEventListener('pointerleave', (event) => {
    // A finger that is lifted leaves too, and then the reader reads.
    if (event.pointerType !== 'touch') hide();
  });
  svg.addEventListener('blur', hide);
  svg.addEventListener('keydown', (event) => {
    const target = targetOf(event.key, current, places.length);
    if (target === null) return;
    event.preventDefault();
    show(target);
  });
}

/**
 * @param {string} key
 * @param {number} current
 * @param {number} count
 * @returns {number | null}
 */
function targetOf(key, current, count) {
  const stride = Math.max(1, Math.round(count / 10));
  switch (key) {
    case 'ArrowRight':
      return current + 1;
    case 'ArrowLeft':
      return current - 1;
    case 'PageDown':
      return current + stride;
    case 'PageUp':
      return current - stride;
    case 'Home':
      return 0;
    case 'End':
      return count - 1;
    default:
      return null;
  }
}

/**
 * @param {readonly number[]} places
 * @param {number} x
 */
function nearest(places, x) {
  let best = 0;
  for (const [index, place] of places.entries())
    if (Math.abs(place - x) < Math.abs((places[best] ?? 0) - x)) best = index;
  return best;
}
