/** What the tests find in every page as `castoHarness`. Bundled and installed by browsers.ts. */

import { useLinkProxy } from './candidate-proxy.ts';
import { openConnections, recordPeerConnections, summariseConnections } from './connection-stats.ts';
import { recordedFrames, recordEncodedFrames } from './encoded-frames.ts';
import { measureLipSync } from './lip-sync.ts';
import { connectLoopback } from './loopback.ts';
import { countAdvances, readPictures, watchPictures } from './picture-reader.ts';
import { recordPictureTimes, takePictureTimes } from './picture-times.ts';
import { createSyntheticSource } from './synthetic-source.ts';
import { measureTone } from './tone-meter.ts';

const harness = {
  connectLoopback,
  countAdvances,
  createSyntheticSource,
  measureLipSync,
  measureTone,
  openConnections,
  readPictures,
  recordedFrames,
  recordEncodedFrames,
  recordPictureTimes,
  summariseConnections,
  takePictureTimes,
  useLinkProxy,
  watchPictures,
};

declare global {
  /** Only inside functions given to `BrowserPage.evaluate` and `waitFor`. */
  var castoHarness: typeof harness;
}

globalThis.castoHarness = harness;
// All pages of a test share one machine, which is busy: none of them would serve the others.
Reflect.deleteProperty(globalThis, 'PressureObserver');
recordPeerConnections();
