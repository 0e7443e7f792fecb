import { PeerNumbers } from './peer-numbers.ts';
import { Samples } from './samples.ts';
import type { PeerIndex, WorldView } from './world-view.ts';

/** Control traffic that peers send, in kilobits per second, and who carries the media. */
export interface TrafficFigures {
  /** Of all peers: everything sent, over the time of all. */
  readonly payloadMeanKbps: number;
  /** With the headers of SCTP, DTLS, UDP and IP. */
  readonly wireMeanKbps: number;
  /** Over peers that were there for some time. */
  readonly payloadP95Kbps: number | null;
  readonly wireP95Kbps: number | null;
  readonly relayWireMeanKbps: number | null;
  /** The streamer's share of all media bytes sent. */
  readonly streamerShare: number | null;
}

export const NO_TRAFFIC: TrafficFigures = {
  payloadMeanKbps: 0,
  wireMeanKbps: 0,
  payloadP95Kbps: null,
  wireP95Kbps: null,
  relayWireMeanKbps: null,
  streamerShare: null,
};

/** A peer's own average is taken over at least this: a shorter stay is nothing but its join. */
const LEAST_STAY_MS = 30_000;

/** Bits in so many milliseconds are kilobits per second. */
const kbps = (bytes: number, ms: number): number => (ms === 0 ? 0 : (bytes * 8) / ms);

/** Compares every peer's counters with what they were when the measured part began. */
export class Traffic {
  readonly #payload = new PeerNumbers(0);
  readonly #wire = new PeerNumbers(0);
  readonly #media = new PeerNumbers(0);
  readonly #aliveMs = new PeerNumbers(0);

  begin(world: WorldView): void {
    for (let peer = 0; peer < world.count; peer++) {
      const bytes = world.controlBytes(peer);
      this.#payload.set(peer, bytes.payload);
      this.#wire.set(peer, bytes.wire);
      this.#media.set(peer, world.mediaBytes(peer));
      this.#aliveMs.set(peer, world.aliveMs(peer));
    }
  }

  /** @param world - At the end of the measured part. */
  figures(world: WorldView): TrafficFigures {
    const all = { payload: 0, wire: 0, media: 0, streamerMedia: 0, stayMs: 0 };
    const relays = { wire: 0, stayMs: 0 };
    const payloads = new Samples();
    const wires = new Samples();
    for (let peer = 0; peer < world.count; peer++) {
      const stay = this.#stay(world, peer);
      all.payload += stay.payload;
      all.wire += stay.wire;
      all.media += stay.media;
      all.stayMs += stay.ms;
      const role = world.role(peer);
      if (role === 'streamer') all.streamerMedia += stay.media;
      if (role === 'relay') {
        relays.wire += stay.wire;
        relays.stayMs += stay.ms;
      }
      if (stay.ms < LEAST_STAY_MS) continue;
      payloads.add(kbps(stay.payload, stay.ms));
      wires.add(kbps(stay.wire, stay.ms));
    }
    return {
      payloadMeanKbps: kbps(all.payload, all.stayMs),
      wireMeanKbps: kbps(all.wire, all.stayMs),
      payloadP95Kbps: payloads.quantile(0.95),
      wireP95Kbps: wires.quantile(0.95),
      relayWireMeanKbps: relays.stayMs === 0 ? null : kbps(relays.wire, relays.stayMs),
      streamerShare: all.media === 0 ? null : all.streamerMedia / all.media,
    };
  }

  /** What the peer did in the measured part. */
  #stay(world: WorldView, peer: PeerIndex): Stay {
    const bytes = world.controlBytes(peer);
    return {
      payload: bytes.payload - this.#payload.get(peer),
      wire: bytes.wire - this.#wire.get(peer),
      media: world.mediaBytes(peer) - this.#media.get(peer),
      ms: world.aliveMs(peer) - this.#aliveMs.get(peer),
    };
  }
}

interface Stay {
  readonly payload: number;
  readonly wire: number;
  readonly media: number;
  readonly ms: number;
}
