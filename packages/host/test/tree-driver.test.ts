import { describe, expect, test } from 'vitest';
import type { ChannelId, TreeJoin } from '@casto/core';
import { joinAnswerOf, joinFieldsOf, layerBits, layersIn, treeJoinOf } from '../src/index.ts';
import { freshId } from '../src/conformance/loopback-peers.ts';
import { offerOf, threePeers, World } from './driver-world.ts';

describe('the driver', () => {
  test('finds, probes and joins a parent, and plays it', async () => {
    const { world, root, one } = await threePeers();

    expect(one.played).toBe(world.channel);
    expect(one.driver.view()).toMatchObject({ phase: 'attached', depth: 1, flowing: true });
    expect(one.calls).toContain('seek 1');
    expect(root.driver.view().children.find(({ peerId }) => peerId === one.id)?.role).toBe('active');
    expect(root.driver.link(one.id)?.remoteState?.viewers).toBeGreaterThan(0);
    expect(one.driver.isParent(world.channel)).toBe(true);
    expect(root.driver.isParent(one.id)).toBe(false);
    expect(one.offer).toMatchObject({ depth: 1 });
  });

  test('keeps a standby, tells its link so, and goes to it when the parent is gone', async () => {
    const { world, two } = await threePeers();
    const parents = two.driver.view().parents;
    expect(parents.map(({ role }) => role).sort()).toEqual(['active', 'standby']);
    const active = parents.find(({ role }) => role === 'active')?.peerId ?? world.channel;
    const standby = parents.find(({ role }) => role === 'standby')?.peerId ?? world.channel;
    const helper = world.peers.get(standby);
    expect(helper?.served.get(two.id)).not.toBe(true);

    two.ends.get(active)?.close();
    await world.play(1_000);

    expect(two.played).toBe(standby);
    expect(helper?.served.get(two.id)).toBe(true);
    expect(two.calls.slice(-6)).toContain('want');
  });

  test('goes to the standby when nothing is heard of the parent', async () => {
    const { world, two } = await threePeers();
    const active = two.played ?? world.channel;
    const end = world.peers.get(active)?.ends.get(two.id);
    if (end) end.isCut = true;
    await world.play(1_000);

    expect(two.played).not.toBe(active);
  });

  test('tells the core why a link ended', async () => {
    const { world, root, one } = await threePeers();
    const seen: unknown[] = [];
    const tell = one.driver.tell.bind(one.driver);
    one.driver.tell = (input) => {
      if (input.type === 'unlinked') seen.push(input);
      tell(input);
    };
    await Promise.all([root.driver.link(one.id)?.leave('ended'), world.clock.pass(200)]);

    expect(seen).toEqual([{ type: 'unlinked', peerId: world.channel, farewell: 'ended' }]);
  });

  test('leaves a link that was replaced, and does not take its end for that of the other', async () => {
    const { world, root, one } = await threePeers();
    const before = root.driver.link(one.id);
    one.driver.release(world.channel);
    await world.play(2_000);

    const now = root.driver.link(one.id);
    expect(now).not.toBe(before);
    expect(before?.isClosed).toBe(true);
    expect(now?.isClosed).toBe(false);
    expect(root.driver.view().children.filter(({ peerId }) => peerId === one.id)).toHaveLength(1);
  });

  test('forgets an accepted child whose link never came about', async () => {
    const { root } = await World.create();
    const id = await freshId();
    const join: TreeJoin = {
      kind: 'browser',
      path: new Uint8Array(),
      standby: false,
      slots: 0,
      ageS: 0,
      layers: 1,
    };
    expect(root.driver.decide(id, [], join)).toEqual({ type: 'accept', standby: false, layers: 1 });
    expect(root.driver.view().children).toHaveLength(1);

    root.driver.tell({ type: 'unlinked', peerId: id, farewell: null });

    expect(root.driver.view().children).toEqual([]);
  });

  test('refuses and redirects in the words of the handshake', async () => {
    const { world } = await World.create();
    const lonely = world.add(await freshId());
    const join: TreeJoin = {
      kind: 'browser',
      path: new Uint8Array(),
      standby: false,
      slots: 0,
      ageS: 0,
      layers: 1,
    };

    expect(lonely.driver.decide(await freshId(), [], join)).toMatchObject({ type: 'refuse', reason: 'busy' });
    expect(lonely.driver.standing()).toBeNull();
  });

  test('runs effects in their order, also when a port calls it meanwhile', async () => {
    const { world, root } = await World.create();
    const peer = world.add(await freshId());
    peer.candidates = [offerOf(root, world.channel)];
    let depth = 0;
    let deepest = 0;
    const seek = peer.seek.bind(peer);
    const join = peer.join.bind(peer);
    const nested = (run: () => void): void => {
      deepest = Math.max(deepest, ++depth);
      run();
      depth--;
    };
    peer.seek = (layers) => nested(() => seek(layers));
    peer.join = (candidate, asked) => nested(() => join(candidate, asked));
    peer.driver.tell({ type: 'start' });
    await world.play(1_000);

    expect(deepest).toBe(1);
    expect(peer.played).toBe(world.channel);
  });

  test('gives up an attempt that takes too long', async () => {
    const { world, root } = await World.create();
    const peer = world.add(await freshId());
    peer.candidates = [offerOf(root, world.channel)];
    peer.join = () => {};
    peer.driver.tell({ type: 'start' });
    await world.clock.pass(10_000, 100);

    expect(peer.calls).toContain('abandon');
  });

  test('that has stopped says goodbye, sets no timer, and takes nothing any more', async () => {
    const { world, root, one, two } = await threePeers();
    const stopping = Promise.all([root, one, two].map(({ driver }) => driver.stop('leaving')));
    await world.clock.pass(200);
    await stopping;
    const changes = one.changes;

    expect(world.links.open).toBe(0);
    expect(world.clock.pending).toBe(0);
    one.driver.tell({ type: 'start' });
    expect(one.changes).toBe(changes);
    expect(one.driver.standing()).toBeNull();
    const join = {
      kind: 'browser',
      path: new Uint8Array(),
      standby: false,
      slots: 0,
      ageS: 0,
      layers: 1,
    } as const;
    expect(one.driver.decide(two.id, [], join)).toMatchObject({ type: 'refuse', reason: 'draining' });
  });
});

describe('the words of a handshake', () => {
  test('name layers in a list, the tree in bits', () => {
    expect(layerBits([0, 2])).toBe(0b101);
    expect(layersIn(0b101)).toEqual([0, 2]);
    // A broadcast of sound alone.
    expect(layerBits([])).toBe(1);
  });

  test('are those of the tree', () => {
    const join: TreeJoin = {
      kind: 'headless',
      path: new Uint8Array(8),
      standby: true,
      slots: 3,
      ageS: 9,
      layers: 0b011,
    };
    const request = {
      version: 1,
      channel: '' as ChannelId,
      layers: [0, 1],
      audio: true,
      capabilities: null,
      offer: '',
      ...joinFieldsOf(join),
    };
    expect(treeJoinOf(request)).toEqual(join);
    expect(joinAnswerOf({ type: 'refused', reason: 'full', retryAfterMs: 5 })).toEqual({
      type: 'refused',
      reason: 'full',
      retryAfterMs: 5,
    });
    expect(joinAnswerOf({ type: 'redirected', parents: [] })).toEqual({ type: 'redirected', parents: [] });
  });
});
