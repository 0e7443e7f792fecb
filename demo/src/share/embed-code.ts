/**
 * The HTML that shows a broadcast in a frame of somebody's page: as wide as there is room, and in words for those who
 * do not see it.
 *
 * @param link - For viewers: the address of this page, with the channel behind `#`.
 */
export function embedCode(link: string): string {
  const url = new URL(link);
  // Beside this page, wherever a proxy may have put it.
  const frame = new URL('embed', url);
  frame.hash = `${url.hash}&autoplay`;
  // The address is made of an origin and a channel's id, but whatever is in it stays inside its quotes.
  const source = frame.href.replaceAll('&', '&amp;').replaceAll('"', '&quot;');
  return [
    `<iframe src="${source}"`,
    '  title="Live video"',
    '  allow="autoplay; fullscreen; picture-in-picture"',
    '  style="width: 100%; aspect-ratio: 16 / 9; border: 0"></iframe>',
  ].join('\n');
}
