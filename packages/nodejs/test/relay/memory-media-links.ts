/** The fake of the MediaLinks port: links in memory, with real hubs, sources and sinks at their ends. */

import type { Clock, SessionParameters } from '@casto/host';
import type { MemoryChildEnd, MemoryLinks, MemoryParentEnd } from '@casto/host/conformance/memory-links';
import type {
  MediaLinks,
  PulledMedia,
  PullOptions,
  ServedMedia,
  ServeOptions,
} from '../../src/media-links.ts';
import { linkQuality } from '../../src/media/link-quality.ts';
import { createRtpSink } from '../../src/media/rtp-sink.ts';
import { createRtpSource } from '../../src/media/rtp-source.ts';
import { SourceFeed } from '../../src/media/source-feed.ts';
import { rtp, vp8 } from '../media/rtp-builder.ts';

const VIDEO = { kind: 'video', layer: 0 } as const;
const VIDEO_CLOCK_RATE = 90_000;
const SSRC = 7;

/** Whatever is sent over one of these links arrives at the hub of the other end as a key frame of VP8. */
export class MemoryMediaLinks implements MediaLinks {
  readonly #links: MemoryLinks;
  readonly #clock: Clock;
  readonly pulls: { options: PullOptions; end: MemoryChildEnd }[] = [];
  readonly serves: { offer: SessionParameters; end: MemoryParentEnd }[] = [];
  #isClosed = false;

  constructor(links: MemoryLinks, clock: Clock) {
    this.#links = links;
    this.#clock = clock;
  }

  pull(options: PullOptions): MemoryChildEnd & { media: PulledMedia } {
    this.#assertOpen();
    const { video, audio, layers, hub } = options;
    const end = this.#links.child({ video, audio, layers });
    const media = new SourceFeed({ hub, now: () => this.#clock.now() });
    this.#feed(media, end);
    this.pulls.push({ options, end });
    return Object.assign(end, { media });
  }

  serve({ hub, offer, isActive = true }: ServeOptions): MemoryParentEnd & { media: ServedMedia } {
    this.#assertOpen();
    const end = this.#links.parent(offer);
    const sink = createRtpSink({
      key: VIDEO,
      clockRate: VIDEO_CLOCK_RATE,
      payloadType: 96,
      ssrc: SSRC,
      cname: 'memory',
      now: () => this.#clock.now(),
      send: () => {
        end.sendMedia();
        return true;
      },
    });
    const media: ServedMedia = {
      quality: () => linkQuality([sink]),
      chooseLayer: () => {},
      wantKeyFrame: (layer) => hub.requestKeyFrame({ kind: 'video', layer }),
      serve: (isServed) => {
        if (!isServed) {
          hub.removeSink(sink);
          sink.pause();
        } else if (end.state === 'connected') {
          hub.addSink(sink);
          sink.open();
        }
      },
    };
    end.onMediaOpen = () => media.serve(isActive);
    onClose(end, () => {
      hub.removeSink(sink);
      sink.close();
    });
    this.serves.push({ offer, end });
    return Object.assign(end, { media });
  }

  close(): void {
    this.#isClosed = true;
  }

  #feed(media: SourceFeed, end: MemoryChildEnd): void {
    const source = createRtpSource({
      key: VIDEO,
      codec: 'vp8',
      clockRate: VIDEO_CLOCK_RATE,
      payloadType: 96,
      ssrc: SSRC,
      localSsrc: 1,
      cname: 'memory',
      feedback: { nack: false, pictureLoss: false, fullIntraRequest: false, remb: null },
      now: () => this.#clock.now(),
      roundTripMs: () => null,
      send: () => true,
    });
    let sequence = 0;
    end.onMediaOpen = () => media.open([source]);
    end.onMedia = () => {
      const payload = vp8({ key: true, start: true, pictureId: sequence & 0x7fff, tl0: sequence & 0xff });
      const timestamp = (sequence * 3_600) >>> 0;
      source.takeRtp(
        rtp({ payloadType: 96, ssrc: SSRC, sequence: sequence++, timestamp, marker: true, payload }),
      );
    };
    onClose(end, () => {
      media.close();
      source.close();
    });
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new Error('the relay is closing');
  }
}

/** The end's own listener belongs to its link. */
function onClose(end: MemoryChildEnd | MemoryParentEnd, act: () => void): void {
  const close = end.close.bind(end);
  end.close = () => {
    if (end.state !== 'closed') act();
    close();
  };
}
