import { useState } from 'react';
import type { CastoOptions } from 'casto';

import { LiveVideo } from './live-video.tsx';
import { useCasto } from './use-casto.ts';

/** Outside of the components: a new object would be a new broadcast. */
const OPTIONS: CastoOptions = {
  relays: [import.meta.env.VITE_CASTO_RELAY ?? 'http://localhost:8080'],
  title: 'An example',
};

export function App() {
  // #casto=ID in the address: CASTO reads it by itself, and watches.
  const [isStarted, setStarted] = useState(location.hash.includes('casto='));
  if (isStarted) return <Broadcast />;
  // The camera is asked for after a click, so that people know why.
  return <button onClick={() => setStarted(true)}>Go live</button>;
}

function Broadcast() {
  const { stream, link, viewers, failure } = useCasto(OPTIONS);
  if (failure !== null) {
    return (
      <p role="alert">
        {failure.reason}: {failure.message}
      </p>
    );
  }
  if (stream === null) return <p role="status">One moment</p>;
  return (
    <>
      <LiveVideo stream={stream} />
      <p role="status">{viewers} watching</p>
      <a href={link}>Link for viewers</a>
    </>
  );
}
