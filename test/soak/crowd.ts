/** Viewers that come together and go together: a process, so that it can die without a word. */

import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { isPeerId } from '@casto/core';
import { answerCalls } from '../../packages/nodejs/bench/worker-calls.ts';
import { ScenarioPeers, type RelayAddress, type Watching } from '../fuzz/scenario/scenario-peer.ts';

/** Several crowds may come at a time, and each viewer is a handshake for the relay, which shares the cores with them. */
const BETWEEN_MS = 500;
const TRIES = 10;

let peers: ScenarioPeers | null = null;
const watching: Watching[] = [];

answerCalls({
  /** @returns How many are let in. */
  join: async (text) => {
    const { relay, channel, viewers } = JSON.parse(text) as {
      relay: RelayAddress;
      channel: string;
      viewers: number;
    };
    if (!isPeerId(channel)) throw new Error('no channel');
    peers = new ScenarioPeers(relay);
    for (let tries = 0; watching.length < viewers && tries < TRIES + viewers; tries++) {
      try {
        watching.push(await peers.watch(channel));
      } catch {
        // Too many connections at a time: one more try below.
      }
      await sleep(BETWEEN_MS);
    }
    return String(watching.length);
  },
  /** @returns The packets that came. */
  leave: async () => {
    const packets = watching.reduce((sum, each) => sum + each.counts().packets, 0);
    await Promise.all(watching.map(({ link }) => link.leave('leaving')));
    await peers?.stop();
    return String(packets);
  },
});
await once(process, 'exit');
