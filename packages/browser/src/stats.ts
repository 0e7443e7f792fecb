/** What `stats()` tells. */

export interface CastoPeerStats {
  peerId: string;
  kind: 'browser' | 'headless';
  /** `active`: the media passes over this link; `standby`: it is connected, and waits to be needed. */
  role: 'active' | 'standby';
  /** Round trip on the link in milliseconds; `null` until measured. */
  rttMs: number | null;
}

export interface CastoVideoStats {
  codec: string;
  width: number;
  height: number;
  framesPerSecond: number;
  /** Encoded or decoded since the page attached. */
  frames: number;
  keyFrames: number;
  packetsLost: number;
  freezes: number;
}

export interface CastoAudioStats {
  codec: string;
  packetsLost: number;
}

export interface CastoTransferStats {
  bytes: number;
  /** Average since the last call of `stats()`. */
  bitsPerSecond: number;
}

export interface CastoStats {
  role: 'streamer' | 'viewer';
  channel: string;
  peerId: string;
  /** Hops from the streamer; `null` while detached. */
  depth: number | null;
  /** Short ids of the peers from the streamer to this page, eight hexadecimal digits each; empty while detached. */
  path: string[];
  /** The one that delivers, if any, comes first; then the standbys that would take its place. */
  parents: CastoPeerStats[];
  children: CastoPeerStats[];
  /** Children that this page can serve, and how many more it would take. */
  slots: number;
  freeSlots: number;
  /** What this page looks for: any parent at all, a standby, or a better parent; `null`: nothing. */
  search: 'parent' | 'standby' | 'better' | null;
  /**
   * How this page gives media to its children: `encoded-streams` and `script-transform` pass encoded frames on as they
   * are, `track` encodes again for a single child, `encoders` is a streamer that encodes for each child; `none`: it serves nobody.
   */
  forwarding: 'encoded-streams' | 'script-transform' | 'track' | 'encoders' | 'none';
  /** Key frames that this page asked its parent for, or a streamer its encoder, because a frame was lost. */
  keyFrameRequests: number;
  video: CastoVideoStats | null;
  audio: CastoAudioStats | null;
  /** From the capture of a frame to its arrival here; `null` until the clocks of the path are known. */
  latencyMs: number | null;
  upload: CastoTransferStats;
  download: CastoTransferStats;
}

/** The entries of RTCStatsReport that are read here; browsers leave out what they do not measure. */
interface RtpEntry {
  type: string;
  kind?: string;
  codecId?: string;
  frameWidth?: number;
  frameHeight?: number;
  framesPerSecond?: number;
  framesDecoded?: number;
  framesEncoded?: number;
  keyFramesDecoded?: number;
  keyFramesEncoded?: number;
  packetsLost?: number;
  packetsReceived?: number;
  availableOutgoingBitrate?: number;
  qualityLimitationReason?: string;
  freezeCount?: number;
  bytesSent?: number;
  retransmittedBytesSent?: number;
  bytesReceived?: number;
  mimeType?: string;
}

export interface MediaStats {
  video: CastoVideoStats | null;
  audio: CastoAudioStats | null;
  bytesSent: number;
  /** Of what was sent, without headers, and without what was sent again. */
  payloadSent: number;
  bytesReceived: number;
  /** Of video and sound together. */
  packetsReceived: number;
  packetsLost: number;
  /** What the congestion control would send, in bits per second; 0 before it knows. */
  availableBps: number;
  /** Whether an encoder sends less than it may because the way does not carry more. */
  isLimited: boolean;
}

/** Reads one peer connection's statistics. Of several video streams the largest picture counts. */
export async function readMediaStats(pc: RTCPeerConnection): Promise<MediaStats> {
  const entries = new Map<string, RtpEntry>();
  (await pc.getStats()).forEach((entry: RtpEntry, id: string) => entries.set(id, entry));
  const codecOf = (entry: RtpEntry): string => codecName(entries.get(entry.codecId ?? ''));
  const media: MediaStats = { video: null, audio: null, ...NOTHING };
  for (const entry of entries.values()) {
    media.availableBps = Math.max(media.availableBps, entry.availableOutgoingBitrate ?? 0);
    media.isLimited ||= entry.qualityLimitationReason === 'bandwidth';
    if (entry.type !== 'inbound-rtp' && entry.type !== 'outbound-rtp') continue;
    media.bytesSent += entry.bytesSent ?? 0;
    media.payloadSent += (entry.bytesSent ?? 0) - (entry.retransmittedBytesSent ?? 0);
    media.bytesReceived += entry.bytesReceived ?? 0;
    media.packetsReceived += entry.packetsReceived ?? 0;
    media.packetsLost += entry.packetsLost ?? 0;
    if (entry.kind === 'audio') media.audio = { codec: codecOf(entry), packetsLost: entry.packetsLost ?? 0 };
    if (entry.kind === 'video' && (entry.frameWidth ?? 0) >= (media.video?.width ?? 0)) {
      media.video = videoStats(entry, codecOf(entry));
    }
  }
  return media;
}

const NOTHING = {
  bytesSent: 0,
  payloadSent: 0,
  bytesReceived: 0,
  packetsReceived: 0,
  packetsLost: 0,
  availableBps: 0,
  isLimited: false,
} as const;

function videoStats(entry: RtpEntry, codec: string): CastoVideoStats {
  return {
    codec,
    width: entry.frameWidth ?? 0,
    height: entry.frameHeight ?? 0,
    framesPerSecond: entry.framesPerSecond ?? 0,
    frames: entry.framesDecoded ?? entry.framesEncoded ?? 0,
    keyFrames: entry.keyFramesDecoded ?? entry.keyFramesEncoded ?? 0,
    packetsLost: entry.packetsLost ?? 0,
    freezes: entry.freezeCount ?? 0,
  };
}

function codecName(entry: RtpEntry | undefined): string {
  return entry?.mimeType?.split('/').at(-1)?.toLowerCase() ?? '';
}

/** Turns byte counters into rates between calls. */
export class TransferMeter {
  #bytes = 0;
  #at: number | null = null;

  measure(bytes: number, now: number): CastoTransferStats {
    const seconds = this.#at === null ? 0 : (now - this.#at) / 1000;
    const bitsPerSecond = seconds > 0 ? Math.max(0, ((bytes - this.#bytes) * 8) / seconds) : 0;
    this.#bytes = bytes;
    this.#at = now;
    return { bytes, bitsPerSecond };
  }
}
