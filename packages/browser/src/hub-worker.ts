/**
 * The page's worker: the hub through which media pass, and a clock. Browsers slow the timers of hidden pages to one a
 * second, but not those of workers.
 */

import { Decoder } from './hub/decoder.ts';
import { DummyReplacer } from './hub/dummy-replacer.ts';
import { DummySource } from './hub/dummy-source.ts';
import { bareData, cloneFrame, FrameReader, type EncodedFrame, type RawFrame } from './hub/encoded-frame.ts';
import { EncodedStreamWriter } from './hub/encoded-stream-writer.ts';
import { FrameReporter } from './hub/frame-reporter.ts';
import { Hub } from './hub/hub.ts';
import type { HubFrame } from './hub/hub-frame.ts';
import { Stamper, type StampOptions } from './hub/stamp.ts';
import type { EncodedStreams, FrameOperation, FromWorker, ToWorker } from './worker-messages.ts';

interface FrameTransformer extends EncodedStreams {
  options: FrameOperation;
  /** Missing in Chromium. */
  generateKeyFrame?: () => Promise<unknown>;
}

interface WorkerScope {
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
  onrtctransform: ((event: { transformer: FrameTransformer }) => void) | null;
  postMessage(message: FromWorker): void;
}

/** How often it is looked what has waited too long, and told what was sent. */
const TICK_MS = 30;
/** The first picture of a sender's encoder is a key frame that nobody asked for; and newcomers have theirs. */
const NEWCOMER_MS = 2_000;
/** The one layer that pages ask their parents for (viewer.ts). */
const PLAYED_LAYER = 0;
/** A decoder that goes without repeats its wish; one such wish in a second is enough. */
const CHILD_KEY_REPEAT_MS = 1_000;

// TypeScript's library describes a page or a worker, not both, and knows no transformers.
// oxlint-disable-next-line typescript/no-unsafe-type-assertion
const scope = globalThis as unknown as WorkerScope;
const timers = new Map<number, ReturnType<typeof setTimeout>>();
const transformers = new Map<number, FrameTransformer>();
const writers = new Map<number, { connected(): void }[]>();
const connectedAt = new Map<number, number>();
const stampers = new Map<string, Stamper>();
const dummies = new DummySource();
const hub = new Hub<RawFrame>({
  wantKeyFrame: (layer) => scope.postMessage({ type: 'key-frame-wanted', layer }),
});
const decoder = new Decoder(hub);
hub.onFrame = (placed) => decoder.decode(placed);

const now = (): number => performance.timeOrigin + performance.now();

scope.onmessage = ({ data }) => {
  switch (data.type) {
    case 'set-timer':
      return setTimer(data.timer, data.delayMs);
    case 'cancel-timer':
      clearTimeout(timers.get(data.timer));
      timers.delete(data.timer);
      return;
    case 'streams':
      return take(data.operation, data.streams, { canWriteElsewhere: true });
    case 'want-key-frame':
      transformers
        .get(data.source)
        ?.generateKeyFrame?.()
        .catch(() => {});
      return;
    case 'forget-source':
      transformers.delete(data.source);
      hub.forget(data.source);
      return decoder.forget(data.source);
    case 'decode-into':
      return decoder.moveTo(data.source, hub.recentPictures());
    case 'dummy':
      return dummies.start(data.writable);
    default:
      return takeChildMessage(data);
  }
};

scope.onrtctransform = ({ transformer }) => {
  if ('source' in transformer.options) transformers.set(transformer.options.source, transformer);
  take(transformer.options, transformer, { canWriteElsewhere: false });
};

setInterval(tick, TICK_MS);

function takeChildMessage(data: Extract<ToWorker, { child: number }>): void {
  const { child } = data;
  switch (data.type) {
    case 'child-connected':
      connectedAt.set(child, now());
      for (const writer of writers.get(child) ?? []) writer.connected();
      dummies.hurry();
      return;
    case 'child-active':
      return hub.setActive(child, data.isActive, now());
    case 'child-limit':
      return hub.limit(child, data.limit);
    case 'count-written':
      return scope.postMessage({ type: 'written', child, bytes: hub.written().get(child) ?? 0 });
    case 'child-wants-key':
      return hub.childWantsKey(child, data.layer, now());
    case 'forget-child':
      writers.delete(child);
      connectedAt.delete(child);
      return hub.removeChild(child);
  }
}

function setTimer(timer: number, delayMs: number): void {
  const fire = (): void => {
    timers.delete(timer);
    scope.postMessage({ type: 'timer', timer });
  };
  timers.set(timer, setTimeout(fire, delayMs));
}

function take(operation: FrameOperation, streams: EncodedStreams, way: { canWriteElsewhere: boolean }): void {
  switch (operation.operation) {
    case 'stamp':
    case 'encode':
      return takeEncoder(operation, streams);
    case 'receive':
      return way.canWriteElsewhere ? takeMerged(operation, streams) : takeParent(operation, streams);
    case 'send':
      return takeSender(operation, streams, way);
  }
}

/** Frames of an encoder of this page go on to its own connection, and those of the broadcast to the hub. */
function takeEncoder(
  operation: Extract<FrameOperation, { operation: 'stamp' | 'encode' }>,
  streams: EncodedStreams,
): void {
  const { source, kind } = operation;
  const stamper = operation.operation === 'encode' ? broadcastStamper(operation) : new Stamper(operation);
  const reader = new FrameReader(kind, { canWriteElsewhere: true });
  const reporter = new FrameReporter(operation, scope.postMessage.bind(scope));
  pipe(streams, (frame) => {
    const at = now();
    const trailer = stamper.stamp(frame, at);
    // What goes on to the network is taken from this page: the hub keeps a frame of its own.
    const stamped = reader.read(operation.operation === 'encode' ? cloneFrame(frame, {}) : frame);
    reporter.take(stamped, { at, sent: 1 });
    if (operation.operation === 'encode' && trailer !== null) hub.take(source, stamped, at);
    return frame;
  });
}

/** An encoder that is made anew goes on with the numbers of the one before it. */
function broadcastStamper(stream: StampOptions): Stamper {
  const key = `${stream.kind} ${stream.layer} ${stream.epoch}`;
  const stamper = stampers.get(key) ?? new Stamper(stream);
  stampers.set(key, stamper);
  stamper.changeEncoder();
  return stamper;
}

/** Frames of a parent where they can only go back to its own decoder. */
function takeParent(
  { source, kind }: Extract<FrameOperation, { operation: 'receive' }>,
  streams: EncodedStreams,
): void {
  const reader = new FrameReader(kind, { canWriteElsewhere: false });
  const reporter = new FrameReporter({ source, kind }, scope.postMessage.bind(scope));
  pipe(streams, (frame) => {
    const read = reader.read(frame);
    // Padding, with which a sender looks for its link's rate, is no frame.
    if (read.bytes === 0) return frame;
    receive(source, read, { reader, reporter });
    const bare = bareData(read.raw.data, kind);
    if (bare !== null) frame.data = bare;
    return frame;
  });
}

/** Frames of a parent where all parents share one decoder. */
function takeMerged(
  { source, kind }: Extract<FrameOperation, { operation: 'receive' }>,
  streams: EncodedStreams,
): void {
  const reader = new FrameReader(kind, { canWriteElsewhere: true });
  const reporter = new FrameReporter({ source, kind }, scope.postMessage.bind(scope));
  decoder.addInput(source, kind, streams.writable);
  streams.readable
    .pipeTo(
      new WritableStream({
        write: (frame: EncodedFrame) => {
          const read = reader.read(frame);
          if (read.bytes === 0) return;
          decoder.seen(source, read);
          receive(source, read, { reader, reporter });
        },
      }),
    )
    // The parent's connection is closed.
    .catch(() => {});
}

function receive(
  source: number,
  frame: HubFrame<RawFrame>,
  { reader, reporter }: { reader: FrameReader; reporter: FrameReporter },
): void {
  const at = now();
  reporter.take(frame, { at, sent: reader.advance(frame) });
  hub.take(source, frame, at, PLAYED_LAYER);
}

function takeSender(
  { child, kind, layer }: Extract<FrameOperation, { operation: 'send' }>,
  streams: EncodedStreams,
  { canWriteElsewhere }: { canWriteElsewhere: boolean },
): void {
  let askedAt = -Infinity;
  const onKeyFrameWanted = (): void => {
    const at = now();
    const since = Math.max((connectedAt.get(child) ?? Infinity) + NEWCOMER_MS, askedAt + CHILD_KEY_REPEAT_MS);
    if (kind === 'audio' || at < since) return;
    askedAt = at;
    hub.childWantsKey(child, layer, at);
  };
  const writer = canWriteElsewhere
    ? new EncodedStreamWriter(kind, streams, {
        captureDelay: hub.captureDelay,
        now,
        onReady: () => hub.childReady(child, now()),
        onKeyFrameWanted,
      })
    : new DummyReplacer(kind, streams, {
        onQueued: () => scope.postMessage({ type: 'draw' }),
        onKeyFrameWanted,
      });
  writers.set(child, [...(writers.get(child) ?? []), writer]);
  hub.addChild(child, { kind, layer }, writer);
}

/** Lets each frame through a function, back to where it came from. */
function pipe({ readable, writable }: EncodedStreams, pass: (frame: EncodedFrame) => EncodedFrame): void {
  readable
    .pipeThrough(
      new TransformStream<EncodedFrame, EncodedFrame>({
        transform: (frame, controller) => controller.enqueue(pass(frame)),
      }),
    )
    .pipeTo(writable)
    // The pipe ends with its peer connection.
    .catch(() => {});
}

let told = new Map<number, number>();

function tick(): void {
  const at = now();
  hub.tick(at);
  const written = hub.written();
  const children = [...written].filter(([child, bytes]) => bytes !== told.get(child)).map(([child]) => child);
  if (children.length > 0) scope.postMessage({ type: 'sent', at, children });
  told = written;
}
