/** The CASTO demo. The live video is the two lines in `play`; the other files here are buttons and words. */

import { CASTO } from 'casto';
import type { CastoOptions } from 'casto';

import { openPage } from './page.ts';

const page = openPage(play);
const video = page.video;

/** Opened by a link, a page watches; without a channel in its address, it broadcasts. */
async function play(options: CastoOptions): Promise<void> {
  const casto = new CASTO(options);
  page.follow(casto);
  video.srcObject = await casto.start();
}

page.open();
