/**
 * Puts drawings (`pictures/*.svg`) into the page itself, where they take the colours of its theme. As files, for readers
 * on GitHub, they carry colours of their own.
 */

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type MarkdownIt from 'markdown-it';

const DRAWING = /(?:^|\/)pictures\/[\w-]+\.svg$/;

export function inlinePictures(markdown: MarkdownIt): void {
  const { image } = markdown.renderer.rules;
  markdown.renderer.rules['image'] = (tokens, index, options, env: { path?: string }, self) => {
    const token = tokens[index];
    const source = token?.attrGet('src') ?? '';
    if (env.path === undefined || !DRAWING.test(source)) {
      return image?.(tokens, index, options, env, self) ?? self.renderToken(tokens, index, options);
    }
    const drawing = readFileSync(join(dirname(env.path), source), 'utf8');
    const label = markdown.utils.escapeHtml(token?.content ?? '');
    return `<span class="picture" role="img" aria-label="${label}" v-pre>${withoutColours(drawing)}</span>`;
  };
}

/** Without its own style, which would be the style of the whole page. */
export function withoutColours(drawing: string): string {
  return drawing
    .replaceAll(/<\?xml[^>]*\?>|<!--[^]*?-->|<style>[^]*?<\/style>/g, '')
    .replaceAll(/>\s+</g, '><')
    .trim();
}
