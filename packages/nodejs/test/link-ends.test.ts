/** The ends on node-datachannel do what every end of a link must. */

import { processClock } from '@casto/host';
import { afterAll } from 'vitest';
import { describeLinkEnds, type LinkEndWorld } from '@casto/host/conformance/link-end-suite';
import { turn } from '@casto/host/conformance/virtual-clock';
import { chooseUdpPort } from '../src/free-ports.ts';
import type { MediaLinks } from '../src/media-links.ts';
import { createHub } from '../src/media/hub.ts';
import { createMediaLinks } from '../src/media/media-links.ts';
import { createSpreadLinks } from '../src/processes/spread-links.ts';

const DEADLINE_MS = 15_000;

const options = { host: '127.0.0.1', clock: processClock };

/** @param mediaPort - Shared by the parents, as in a relay; absent: a port for each. */
function nativeWorld(mediaPort?: number): LinkEndWorld {
  const parents = createMediaLinks({ ...options, ...(mediaPort === undefined ? {} : { mediaPort }) });
  return worldOf(parents, () => parents.close());
}

function worldOf(parents: Pick<MediaLinks, 'serve'>, closeParents: () => void): LinkEndWorld {
  // Another relay: a connection between two ends on one shared port is impossible.
  const children = createMediaLinks(options);
  const hub = createHub({ now: () => processClock.now() });
  return {
    child: () => children.pull({ hub, layers: [0], audio: true, video: 'vp8', fromRelay: false }),
    parent: (offer) => {
      const media = offer.media.map((section) => ({ ...section, codecs: section.codecs.slice(0, 1) }));
      const streams = { layers: [0], audio: true, video: 'vp8' } as const;
      return parents.serve({ hub, offer: { ...offer, media }, layers: [0], streams });
    },
    until: async (isDone, what) => {
      const deadline = processClock.now() + DEADLINE_MS;
      while (!isDone()) {
        if (processClock.now() > deadline) throw new Error(`waited for ${what}`);
        await turn(2);
      }
    },
    close: () => {
      children.close();
      closeParents();
      hub.close();
    },
  };
}

const mediaPort = await chooseUdpPort('127.0.0.1');
const workerPort = await chooseUdpPort('127.0.0.1', [mediaPort]);
/** A worker serves all of them, one world after the other. */
const spread = await createSpreadLinks({ ...options, log: () => {}, workerPorts: [workerPort] });
afterAll(() => spread.close());

describeLinkEnds('node-datachannel', () => nativeWorld());
describeLinkEnds('node-datachannel on a shared port', () => nativeWorld(mediaPort));
describeLinkEnds('a media worker', () => worldOf(spread, () => {}));
