/** Pictures of the tree over links, for peers that the tree's core has placed (K11). */

import { expect, test } from 'vitest';
import { controlCodec, shortId, type Picture } from '@casto/core';
import { freshId } from '../src/conformance/loopback-peers.ts';
import { offerOf, threePeers, World, type Peer } from './driver-world.ts';

/** A streamer, and viewers that have one child each. */
async function chain(length: number): Promise<{ world: World; peers: Peer[] }> {
  const { world, root } = await World.create();
  const peers = [root];
  for (let depth = 1; depth <= length; depth++) {
    const peer = world.add(await freshId());
    peer.candidates = [offerOf(peers.at(-1) ?? root, peers.at(-1)?.id ?? root.id)];
    peer.driver.tell({ type: 'start' });
    await world.play(1_500);
    peers.push(peer);
  }
  return { world, peers };
}

function parentsIn(picture: Picture | undefined, peers: readonly Peer[]): (number | null)[] {
  const numberOf = (short: number | undefined): number => peers.findIndex(({ id }) => shortId(id) === short);
  return peers.map(({ id }) => {
    const entry = picture?.peers.find((each) => each.id === shortId(id));
    if (entry === undefined) return -1;
    return entry.parent === null ? null : numberOf(picture?.peers[entry.parent]?.id);
  });
}

test('the last viewer of a chain sees all of it, with the round trips of its links', async () => {
  const { world, peers } = await chain(3);
  const last = peers.at(-1);
  last?.watch();
  await world.play(6_000);

  const picture = last?.pictures.at(-1);
  expect(parentsIn(picture, peers)).toEqual([null, 0, 1, 2]);
  expect(picture).toMatchObject({ depth: 0, hidden: 0 });
  const [, ...viewers] = peers.map(({ id }) => picture?.peers.find((each) => each.id === shortId(id)));
  expect(viewers.map((viewer) => viewer?.viewers)).toEqual([3, 2, 1]);
  for (const viewer of viewers) {
    expect(viewer).toMatchObject({ kind: 'browser', bitrateKbps: 2_000 });
    expect(viewer?.rttMs).toBeGreaterThanOrEqual(20);
    expect(viewer?.rttMs).toBeLessThan(45);
  }
  expect(world.refused.counts).toEqual({});
});

test('a peer with a standby is shown once, below the parent whose media it plays', async () => {
  const { world, root, one, two } = await threePeers();
  root.watch();
  await world.play(4_000);
  const below = two.played === root.id ? 0 : 1;
  expect(parentsIn(root.pictures.at(-1), [root, one, two])).toEqual([null, 0, below]);
  expect(root.pictures.at(-1)?.peers).toHaveLength(3);
});

test('whoever loses its parent is shown below the next one', async () => {
  const { world, root, one, two } = await threePeers();
  root.watch();
  await world.play(4_000);
  const before = two.played;
  const after = before === root.id ? one : root;
  two.ends.get(before ?? root.id)?.close();
  await world.play(3_000);
  expect(two.played).toBe(after.id);
  const below = after === root ? 0 : 1;
  expect(parentsIn(root.pictures.at(-1), [root, one, two])).toEqual([null, 0, below]);
});

test('[K11.10] a lie is counted, and nobody moves for it', async () => {
  const { world, peers } = await chain(2);
  const [root, middle, leaf] = peers;
  if (!root || !middle || !leaf) throw new Error('no peers');
  root.watch();
  await world.play(2_000);
  const entry = { kind: 'browser', rttMs: 1, bitrateKbps: 1, viewers: 1 } as const;
  const lies = [
    [{ ...entry, id: shortId(root.id), parent: null }],
    [{ ...entry, id: shortId(middle.id), parent: 0 }],
  ];
  const end = middle.ends.get(root.id);
  for (const lie of lies) {
    end?.control.send(controlCodec.encode({ type: 'branch', peers: lie, hidden: 0 }));
    await world.play(300);
  }
  expect(world.refused.counts).toEqual({ 'survey:branch': 2 });
  // What is true of itself, and a lie about all others.
  const claim = [
    { ...entry, id: shortId(middle.id), parent: null },
    { ...entry, id: shortId(root.id), parent: 0 },
    { ...entry, id: 7, parent: 1 },
  ];
  end?.control.send(controlCodec.encode({ type: 'branch', peers: claim, hidden: 0 }));
  await world.play(4_000);

  expect(parentsIn(root.pictures.at(-1), peers)).toEqual([null, 0, 1]);
  expect(peers.map(({ driver }) => driver.view().depth)).toEqual([0, 1, 2]);
});

test('without anybody who looks it takes no timer, and none when it is closed', async () => {
  const { world, peers } = await chain(2);
  const last = peers.at(-1);
  await Promise.all(peers.map(({ driver }) => driver.stop('leaving')).concat(world.clock.pass(500)));
  expect(world.clock.pending).toBe(0);

  last?.watch();
  expect(world.clock.pending).toBe(1);
  last?.survey.close();
  expect(world.clock.pending).toBe(0);
  last?.watch();
  expect(world.clock.pending).toBe(0);
});
