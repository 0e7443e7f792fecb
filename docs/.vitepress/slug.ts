/**
 * The anchor of a heading, as GitHub makes it, so that a link to a section works there and on the site.
 *
 * @param heading - Its text, without Markdown.
 */
export function slugOf(heading: string): string {
  return heading
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, '')
    .replaceAll(' ', '-');
}
