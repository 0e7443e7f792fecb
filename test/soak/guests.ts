/** A WHIP publisher with the WHEP players that watch it: a process, so that it can die without a word. */

import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { answerCalls } from '../../packages/nodejs/bench/worker-calls.ts';
import { NativePlayer } from '../../packages/nodejs/test/whip/native-player.ts';
import { NativePublisher, type Handle } from '../../packages/nodejs/test/whip/native-publisher.ts';

/** Until the publisher is connected nobody can watch. */
const TRIES = 40;
const RETRY_MS = 250;

/** To the HTTP server of a relay. */
function requestsTo(http: string): Handle {
  return async ({ method, path, headers, body }) => {
    const response = await fetch(new URL(path, http), {
      method,
      headers: Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]),
      ...(body.length === 0 ? {} : { body: Buffer.from(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      headers: { Location: response.headers.get('location') ?? '' },
      body: text,
    };
  };
}

const players: NativePlayer[] = [];
/** Of all sessions, that of the publisher first. */
const locations: string[] = [];
let publisher: NativePublisher | null = null;
let handle: Handle | null = null;

async function play(ask: Handle, name: string): Promise<void> {
  for (let tries = 0; tries < TRIES; tries++) {
    const player = new NativePlayer();
    const { status, headers } = await player.play(ask, `/whep/${name}`);
    if (status === 201) {
      players.push(player);
      player.report();
      locations.push(String(headers['Location']));
      return;
    }
    player.close();
    await sleep(RETRY_MS);
  }
}

answerCalls({
  /** @returns How many sessions were made. */
  join: async (text) => {
    const { http, name, count } = JSON.parse(text) as { http: string; name: string; count: number };
    handle = requestsTo(http);
    publisher = new NativePublisher();
    const { status, headers, body } = await publisher.publish(handle, `/whip/${name}`);
    if (status !== 201) throw new Error(`the publisher was told ${status}: ${body}`);
    locations.push(String(headers['Location']));
    publisher.start();
    for (let i = 0; i < count; i++) await play(handle, name);
    return String(locations.length);
  },
  /** @returns The packets of the player that got the fewest. */
  leave: async () => {
    const packets = Math.min(...players.map(({ video }) => video.length));
    for (const path of locations.toReversed()) {
      await handle?.({ method: 'DELETE', path, headers: {}, body: Buffer.alloc(0), from: '' });
    }
    for (const player of players) player.close();
    publisher?.close();
    return String(packets);
  },
});
await once(process, 'exit');
