/**
 * Light or dark: as the system says, until somebody presses the switch. A choice that agrees with the system is no
 * choice, and is forgotten, so that the page follows the system again.
 */

import { element } from './elements.ts';

/** Also read by the script at the top of index.html, before anything is drawn. */
const STORED_AS = 'casto-theme';
/** The page's colours have changed; what draws on a canvas draws again. */
export const THEME_CHANGED = 'casto-theme-changed';

type Theme = 'light' | 'dark';

export function offerThemes(): void {
  const system = matchMedia('(prefers-color-scheme: dark)');
  const button = element('theme', HTMLButtonElement);
  const shown = (): Theme => {
    const { theme } = document.documentElement.dataset;
    return theme === 'light' || theme === 'dark' ? theme : systemTheme(system);
  };
  const label = () => button.setAttribute('aria-pressed', String(shown() === 'dark'));

  button.addEventListener('click', () => {
    const wanted = shown() === 'dark' ? 'light' : 'dark';
    choose(wanted === systemTheme(system) ? null : wanted);
    label();
    dispatchEvent(new Event(THEME_CHANGED));
  });
  system.addEventListener('change', () => {
    label();
    dispatchEvent(new Event(THEME_CHANGED));
  });
  label();
}

function systemTheme({ matches }: MediaQueryList): Theme {
  return matches ? 'dark' : 'light';
}

function choose(theme: Theme | null): void {
  if (theme === null) delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = theme;
  try {
    if (theme === null) localStorage.removeItem(STORED_AS);
    else localStorage.setItem(STORED_AS, theme);
  } catch {
    // Storage may be forbidden: the choice then lasts as long as the page.
  }
}
