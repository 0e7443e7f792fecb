/** What a viewer's page tells the tree of its uplink. Node has no RTCPeerConnection: these children's carry nothing. */

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { PROTOCOL_VERSION, type PeerId } from '@casto/core';
import { relayRtpCapabilities, refusalCounter, TreeDriver, type JoinRequest } from '@casto/host';
import { freshId, TestPeers } from '@casto/host/conformance/loopback-peers';
import { MemoryLinks } from '@casto/host/conformance/memory-links';
import { VirtualClock } from '@casto/host/conformance/virtual-clock';
import { PageRelaying, type PageRelayingOptions } from '../src/page-relaying.ts';
import { TreeWatchers } from '../src/tree-watchers.ts';

/** What the congestion control tells before it has sent anything. */
const START_BPS = 2_500_000;
const MAX_CHILDREN = 8;

class IdleConnection extends EventTarget {
  createDataChannel(): object {
    return Object.assign(new EventTarget(), { readyState: 'connecting', close: () => {} });
  }

  async getStats(): Promise<Map<string, object>> {
    return new Map([['pair', { type: 'candidate-pair', availableOutgoingBitrate: START_BPS }]]);
  }

  close(): void {}
}

const native = {
  video: { codecs: [{ mimeType: 'video/VP8', clockRate: 90_000 }], headerExtensions: [] },
  audio: { codecs: [{ mimeType: 'audio/opus', clockRate: 48_000, channels: 2 }], headerExtensions: [] },
};

const peers = new TestPeers();

beforeEach(() => {
  vi.stubGlobal('RTCPeerConnection', IdleConnection);
  vi.stubGlobal('RTCRtpSender', { getCapabilities: (kind: 'audio' | 'video') => native[kind] });
});

afterEach(async () => {
  vi.unstubAllGlobals();
  await peers.stop();
});

interface Page {
  readonly relaying: PageRelaying;
  readonly driver: TreeDriver;
  readonly clock: VirtualClock;
  readonly channel: PeerId;
}

/** A page with room for eight, and a place in the tree. */
async function openPage(): Promise<Page> {
  const { libp2p, id, key } = await peers.create();
  const clock = new VirtualClock();
  const driver = new TreeDriver({
    clock,
    tree: {
      self: id,
      channel: id,
      kind: 'browser',
      addresses: [],
      seed: 1,
      maxChildren: MAX_CHILDREN,
      isViewer: true,
      layers: 1,
    },
    ports: {
      seek: () => {},
      probe: () => {},
      join: () => {},
      abandon: () => {},
      want: () => {},
      play: () => {},
      serve: (peerId, isActive) => relaying.children.serve(peerId, isActive),
      fetch: () => {},
      report: () => {},
      changed: () => {},
    },
  });
  driver.tell({ type: 'broadcast', epoch: 1 });
  const context = {
    settings: { iceServers: [], maxUplinkBps: null },
    targets: [],
    worker: { clock, adapter: 'track', connectionOptions: {} },
    refused: refusalCounter(),
    trees: new TreeWatchers(),
    signal: new AbortController().signal,
    emit: () => {},
  };
  const parent = {
    record: { video: 'vp8', audio: true },
    signedRecord: new Uint8Array(),
    bytes: 0,
    link: null,
  };
  const relaying = new PageRelaying({
    context,
    libp2p,
    privateKey: key,
    channel: id,
    driver,
    addresses: [],
    maxChildren: MAX_CHILDREN,
    stream: { getTracks: () => [] },
    parent: () => parent,
    parentLinks: () => [],
    // The narrow slices of the page's classes that are used here.
  } as unknown as PageRelayingOptions);
  await relaying.start();
  return { relaying, driver, clock, channel: id };
}

async function join({ relaying, clock, channel }: Page, standby: boolean): Promise<void> {
  const child = new MemoryLinks({ clock }).child({ audio: true, video: 'vp8' });
  const request: JoinRequest = {
    version: PROTOCOL_VERSION,
    channel,
    kind: 'browser',
    layers: [0],
    audio: true,
    capabilities: relayRtpCapabilities(),
    offer: await child.offer(),
    path: new Uint8Array(),
    standby,
    slots: 0,
    ageS: 0,
  };
  const { type } = await relaying.children.judge(request, await freshId(), null);
  expect(type).toBe('accept');
}

test('those who stand by prove no uplink', async () => {
  const page = await openPage();
  await join(page, false);
  await page.relaying.measure();
  const alone = page.driver.view().slots;
  // A link that is not held back proves room for as many again, and one more.
  expect(alone).toBe(3);
  for (let standbys = 0; standbys < 4; standbys++) {
    await join(page, true);
    await page.relaying.measure();
    expect(page.driver.view().slots).toBe(alone);
  }
});
