/** Puts a link to the documentation into the foot of the start page, when the page is built. */

const PLACE = '<!-- documentation -->';

/**
 * @param html - Of the start page.
 * @param address - Where the documentation is published: an http or https address, or a path of the relay's own. Empty
 *   when it is nowhere: then there is no link.
 * @throws {Error} When the address is no such thing.
 */
export function withDocumentationLink(html: string, address: string): string {
  if (address === '') return html.replace(PLACE, '');
  const isPath = /^\.{0,2}\/(?!\/)/.test(address);
  if (!isPath && !/^https?:$/.test(URL.parse(address)?.protocol ?? '')) {
    throw new Error(`CASTO_DOCS_URL is neither an http address nor a path: ${address}`);
  }
  const href = address.replaceAll('&', '&amp;').replaceAll('"', '&quot;');
  return html.replace(PLACE, () => `<a href="${href}">Documentation</a>`);
}
