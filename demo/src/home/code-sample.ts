import { copyText } from '../copying.ts';
import { element } from '../elements.ts';

/** Fills in the snippet near the end of the page. As it stands, it runs in any page with a `<video>`. */
export function showCodeSample(): void {
  const twoLines = ['const casto = new CASTO();', 'video.srcObject = await casto.start();'];
  const preamble = `import { CASTO } from '${location.origin}/casto.js';`;
  const code = element('snippet', HTMLElement);
  code.append(`${preamble}\n\n`, marked(twoLines.join('\n')));
  const button = element('copy-snippet', HTMLButtonElement);
  button.addEventListener('click', () => void copyText([preamble, '', ...twoLines].join('\n'), button, code));
}

function marked(text: string): HTMLElement {
  const mark = document.createElement('mark');
  mark.textContent = text;
  return mark;
}
