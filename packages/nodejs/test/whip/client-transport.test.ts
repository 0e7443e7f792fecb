/** The connection of a WHIP or WHEP client, on real node-datachannel. */

import { processClock, type Clock } from '@casto/host';
import { expect, test } from 'vitest';
import { createMediaLinks } from '../../src/media/media-links.ts';
import { readClientOffer } from '../../src/whip/client-offer.ts';
import { NativePublisher } from './native-publisher.ts';

/** Twenty seconds pass in half a second. */
const SPEED = 40;
const quickClock: Clock = {
  now: () => processClock.now() * SPEED,
  setTimer: (action, delayMs) => processClock.setTimer(action, delayMs / SPEED),
};

test('a connection that never comes about is given up', async () => {
  const publisher = new NativePublisher();
  const links = createMediaLinks({ host: '127.0.0.1', clock: quickClock });
  try {
    const offer = readClientOffer(publisher.offer(), 'publisher', () => true);
    const transport = links.client({ direction: 'RecvOnly', allowance: { perSecond: 1, burst: 1 } });
    let isClosed = false;
    transport.listener = {
      onOpen: () => {},
      onMedia: () => {},
      onClosed: () => (isClosed = true),
      traffic: () => ({}),
    };
    // The answer is thrown away.
    await transport.answer(offer.transport, offer.candidates);
    expect(links.publishers).toMatchObject({ connecting: 1, connected: 0 });
    await expect.poll(() => isClosed, { timeout: 10_000 }).toBe(true);
    expect(links.counts).toEqual({ 'link-not-connected': 1 });
    expect(links.publishers).toMatchObject({ connecting: 0, connected: 0, made: 1 });
  } finally {
    publisher.close();
    links.close();
  }
});
