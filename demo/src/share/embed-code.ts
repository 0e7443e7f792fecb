/**
 * The HTML that shows a broadcast in a frame of somebody's page.
 *
 * @param link - For viewers: the address of this page, with the channel behind `#`.
 */
export function embedCode(link: string): string {
  const url = new URL(link);
  const frame = new URL('embed', url);
  frame.hash = `${url.hash}&autoplay`;
  // The address is made of an origin and a channel's id, but whatever is in it stays inside its quotes.
  const source = frame.href.replaceAll('&', '&amp;').replaceAll('"', '&quot;');
  return [
    `<iframe src="${source}"`,
    '  width="640" height="360" style="border: 0"',
    '  allow="autoplay; fullscreen; picture-in-picture"></iframe>',
  ].join('\n');
}
