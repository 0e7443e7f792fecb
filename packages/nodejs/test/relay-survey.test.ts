/** A headless relay in pictures of the tree, on real connections (K11). */

import { afterEach, beforeEach, expect, test } from 'vitest';
import { isPeerId, shortId } from '@casto/core';
import { until } from '@casto/host/conformance/loopback-peers';
import { NativeWorld, type NativePage, type NativeRelay } from './relay/native-pages.ts';
import { SurveyingPage } from './relay/surveying-page.ts';
import { NativePlayer } from './whip/native-player.ts';
import { openSessions } from './whip/native-sessions.ts';
import { NativePublisher } from './whip/native-publisher.ts';

const WITHIN_MS = 20_000;
const TIMEOUT = { timeout: 40_000 };

let world: NativeWorld;
const looking: SurveyingPage[] = [];

beforeEach(() => {
  world = new NativeWorld();
});
afterEach(async () => {
  for (const { survey } of looking.splice(0)) survey.close();
  await world.stop();
});

function surveying(page: NativePage): SurveyingPage {
  const one = new SurveyingPage(page);
  looking.push(one);
  return one;
}

async function viewer(relay: NativeRelay, channel: NativePage['channel']): Promise<NativePage> {
  const page = await world.page(channel);
  const { link } = await page.joinOver(relay);
  await until(() => link.isOpen, 'the link');
  return page;
}

test('its viewers see the streamer, the relay with its bitrate, and each other', TIMEOUT, async () => {
  const [relay, streamer] = [await world.relay(), await world.page()];
  surveying(streamer);
  await streamer.goLive(relay);
  const isLive = (): boolean => relay.channels.view(streamer.peer.id)?.flowing === true;
  await until(isLive, 'the broadcast', WITHIN_MS);
  const [one, other] = [await viewer(relay, streamer.channel), await viewer(relay, streamer.channel)];
  surveying(other);
  for (const page of [one, other]) page.stand([streamer.peer.id, relay.peer.id]);
  const look = surveying(one);
  look.watch();
  const isWhole = (): boolean =>
    look.shown(other.peer.id) !== null && typeof look.shown(relay.peer.id)?.peer.bitrateKbps === 'number';
  await until(isWhole, 'the whole tree', WITHIN_MS);

  expect(look.shown(streamer.peer.id)).toMatchObject({ parent: null, peer: { kind: 'browser' } });
  expect(look.shown(relay.peer.id)).toMatchObject({
    parent: shortId(streamer.peer.id),
    peer: { kind: 'headless', viewers: 2 },
  });
  expect(look.shown(relay.peer.id)?.peer.bitrateKbps).toBeGreaterThan(0);
  for (const page of [one, other]) {
    expect(look.shown(page.peer.id)).toMatchObject({ parent: shortId(relay.peer.id), peer: { viewers: 1 } });
    expect(look.shown(page.peer.id)?.peer.rttMs).toBeLessThan(1_000);
  }
  expect(look.picture).toMatchObject({ depth: 0, hidden: 0 });
  expect(relay.refused.counts).toEqual({});

  await other.leave(relay);
  await until(() => look.shown(other.peer.id) === null, 'the picture without it', WITHIN_MS);
});

test('a relay that takes a broadcast in is the root, at depth 1, with its players', TIMEOUT, async () => {
  const relay = await world.relay();
  const { publishers, players, handle } = openSessions(relay);
  const [publisher, player] = [new NativePublisher(), new NativePlayer()];
  try {
    const { headers } = await publisher.publish(handle, '/whip/studio');
    publisher.start();
    const channel = headers['Casto-Channel'];
    if (!isPeerId(channel)) throw new Error('no channel');
    await until(() => relay.channels.view(channel)?.flowing === true, 'the broadcast', WITHIN_MS);
    await player.play(handle, '/whep/studio');
    await until(() => player.video.length > 0, 'a picture for the player', WITHIN_MS);
    const page = await viewer(relay, channel);
    const look = surveying(page);
    look.watch();
    await until(() => look.shown(page.peer.id) !== null, 'the tree', WITHIN_MS);
    const hasBitrate = (): boolean => typeof look.shown(relay.peer.id)?.peer.bitrateKbps === 'number';
    await until(hasBitrate, 'a bitrate', WITHIN_MS);

    expect(look.shown(relay.peer.id)).toMatchObject({ parent: null, peer: { kind: 'headless' } });
    expect(look.shown(relay.peer.id)?.peer.viewers).toBeGreaterThanOrEqual(1);
    expect(look.shown(page.peer.id)).toMatchObject({ parent: shortId(relay.peer.id) });
    expect(look.picture).toMatchObject({ depth: 1, peers: [{}, {}] });
  } finally {
    publisher.close();
    player.close();
    players.close();
    await publishers.close();
  }
});
