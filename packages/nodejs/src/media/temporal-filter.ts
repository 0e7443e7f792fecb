/** Which pictures of a stream one viewer is sent, by their temporal layers (RFC 7741, section 4.2). */

import type { RtpPacket } from './packet-ring.ts';
import { NO_LIMIT, type SinkLimit } from './viewer-budget.ts';

export class TemporalFilter {
  #limit = NO_LIMIT;
  /** The highest layer that passes: lower than the limit until a picture comes at which a decoder can go up. */
  #layer = NO_LIMIT.maxTemporalLayer;
  /** The picture that was decided about last, and what became of it: all its packets share its fate. */
  #timestamp = -1;
  #isLeftOut = false;

  get isClosed(): boolean {
    return this.#limit.isClosed;
  }

  get highest(): number {
    return this.#limit.isClosed ? -1 : this.#layer;
  }

  limit(limit: SinkLimit): void {
    this.#limit = limit;
  }

  /** Pictures of another stream follow, whose timestamps may be those of this one. */
  forgetPicture(): void {
    this.#timestamp = -1;
  }

  leavesOut(packet: RtpPacket): boolean {
    const all = NO_LIMIT.maxTemporalLayer;
    if (this.#layer === all && this.#limit.maxTemporalLayer === all) return false;
    if (packet.timestamp === this.#timestamp) return this.#isLeftOut;
    this.#timestamp = packet.timestamp;
    this.#layer = this.#layerFrom(packet);
    this.#isLeftOut = packet.temporalLayer > this.#layer;
    return this.#isLeftOut;
  }

  /** Down at any picture; up where a key frame comes, or one that needs nothing of what was left out. */
  #layerFrom({ startsKeyFrame, temporalLayer, isLayerSync }: RtpPacket): number {
    const { maxTemporalLayer } = this.#limit;
    if (maxTemporalLayer <= this.#layer || startsKeyFrame) return maxTemporalLayer;
    const isStep = isLayerSync && temporalLayer === this.#layer + 1 && temporalLayer <= maxTemporalLayer;
    return isStep ? temporalLayer : this.#layer;
  }
}
