/** The CASTO demo. The live video is the few lines of `begin` in session/session-view.ts; the rest is buttons and words. */

import { App } from './app.ts';
import { offerThemes } from './theme.ts';

offerThemes();
void new App().open();
// For tests: from here on everything on the page answers.
performance.mark('casto-interactive');
