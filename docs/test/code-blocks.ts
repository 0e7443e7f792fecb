/** What a compiler reads in a page. */

export interface CodeBlock {
  /** A module, so that two blocks may use the same names. */
  readonly code: string;
  readonly extension: string;
  /** Of its first line in the page, from 1. */
  readonly line: number;
}

/** The blocks of code in a page that are marked as `ts` or `tsx`. */
export function codeIn(page: string): CodeBlock[] {
  return [...page.matchAll(/^```(tsx?)\n([^]*?)^```$/gm)].map((block) => {
    const [, extension = '', code = ''] = block;
    const line = page.slice(0, block.index).split('\n').length + 1;
    return { code: `${code}\nexport {};\n`, extension, line };
  });
}
