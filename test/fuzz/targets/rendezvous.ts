/** The rendezvous stream: raw bytes into a relay's server, while another peer goes on asking. */

import { rendezvousCodec, type ChannelId, type PeerId } from '@casto/core';
import { refusalCounter, RendezvousClient, serveRendezvous, type ChannelNews } from '@casto/host';
import { VirtualClock } from '@casto/host/conformance/virtual-clock';
import { decodeChecked } from '../decoding.ts';
import { demand, type FuzzSession, type FuzzTarget, type Size } from '../fuzz-target.ts';
import { validRendezvous } from '../valid-messages.ts';
import { END_WITHIN_MS, FramedStreams, framedMessages, peer, until, wholeFrames } from './framed-streams.ts';

const ASK_EVERY = 200;

export const rendezvousTarget: FuzzTarget = {
  name: 'rendezvous',
  concurrency: 16,
  generate: (random) => framedMessages(random, validRendezvous),
  open: () => RendezvousSession.create(),
};

class RendezvousSession implements FuzzSession {
  readonly #clock = new VirtualClock();
  readonly #refused = refusalCounter();
  readonly #streams = new FramedStreams();
  readonly #watching = new Map<object, ChannelId>();
  readonly #reported = new Map<PeerId, number>();
  #steady: RendezvousClient | null = null;
  #fed = 0;

  static async create(): Promise<RendezvousSession> {
    const session = new RendezvousSession();
    await serveRendezvous(session.#streams.libp2p, session.#directory(), {
      refused: session.#refused,
      clock: session.#clock,
    });
    return session;
  }

  async feed(input: Uint8Array): Promise<string> {
    this.#fed++;
    // The server's limits count in this clock: sixteen streams a second are not too many.
    this.#clock.advance(60);
    if (this.#fed % ASK_EVERY === 0) await this.#askSteadily();
    decodeChecked(rendezvousCodec, input.subarray(1));
    const { received, status } = await this.#streams.send(peer(2 + (this.#fed % 8)), input);
    return outcomeOf(received, status);
  }

  sizes(): readonly Size[] {
    const streams = 17;
    return [
      { name: 'watchers', size: this.#watching.size, most: streams * 32 },
      { name: 'timers', size: this.#clock.pending, most: 4 * streams },
      { name: 'reasons of refusal', size: Object.keys(this.#refused.counts).length, most: 40 },
    ];
  }

  async close(): Promise<void> {
    const closing = this.#steady?.close();
    // The near end waits for the far one until its time is over.
    this.#clock.advance(END_WITHIN_MS);
    await closing;
  }

  /** The streams of strangers do not keep a relay from answering the others. */
  async #askSteadily(): Promise<void> {
    if (this.#steady === null || this.#steady.isClosed) {
      const connection = await this.#streams.connection(peer(1));
      this.#steady = await RendezvousClient.open(connection, AbortSignal.timeout(END_WITHIN_MS), this.#clock);
    }
    let isTold = false;
    await this.#steady.watch(peer(3), () => (isTold = true));
    await until(() => isTold, 'a relay that answers a steady peer');
  }

  #directory(): Parameters<typeof serveRendezvous>[1] {
    return {
      announce: async (record) => (record.length % 2 === 0 ? { carries: true } : 'bad-record'),
      watch: (channel, notify) => {
        const key = {};
        this.#watching.set(key, channel);
        notify(news(channel));
        return () => void this.#watching.delete(key);
      },
      seek: async () => [],
      report: (_report, from) => void this.#reported.set(from, (this.#reported.get(from) ?? 0) + 1),
      forget: (_channel, from) => void this.#reported.delete(from),
      standing: () => null,
    };
  }
}

function news(channel: ChannelId): ChannelNews {
  return { channel, record: null, live: false, viewers: 0, parents: [] };
}

/** What the stranger was told, by the answers that came whole. */
function outcomeOf(received: Uint8Array, status: string): string {
  let [answers, refusals] = [0, 0];
  for (const frame of wholeFrames(received)) {
    const message = rendezvousCodec.decode(frame);
    if (message?.type === 'refused' && message.reason === 'malformed') refusals++;
    else answers++;
  }
  demand(refusals <= 1, 'refused more than once');
  const told = answers > 0 ? 'answered' : 'no answer';
  return refusals > 0 ? `${told}, refused as malformed` : `${told}, ${status}`;
}
