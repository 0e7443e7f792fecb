declare module '*?worker&inline' {
  const InlineWorker: new () => Worker;
  export { InlineWorker as default };
}

/** Chromium: a track whose frames the page writes. */
interface MediaStreamTrackGenerator extends MediaStreamTrack {
  readonly writable: WritableStream<VideoFrame>;
}
declare var MediaStreamTrackGenerator:
  { new (init: { kind: 'audio' | 'video' }): MediaStreamTrackGenerator } | undefined;
