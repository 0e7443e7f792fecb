import { useEffect, useState } from 'react';
import { CastoPlayer, useCasto } from '@casto/react';

import { LiveVideo } from './live-video.tsx';

/** Named when the page is built: `VITE_CASTO_RELAY=https://relay.example npm run build`. */
const RELAYS = [import.meta.env.VITE_CASTO_RELAY ?? 'http://localhost:8080'];

export function App() {
  // What `casto.link` puts into the address.
  const channel = new URLSearchParams(location.hash.slice(1)).get('casto');
  const [isLive, setLive] = useState(false);
  if (channel !== null) return <CastoPlayer channel={channel} relays={RELAYS} autoplay muted controls />;
  if (isLive) return <Broadcast />;
  // The camera is asked for after a click, so that people know why.
  return <button onClick={() => setLive(true)}>Go live</button>;
}

/** Broadcasts for as long as it is shown. */
function Broadcast() {
  const { casto, stream, state, error } = useCasto({ relays: RELAYS, title: 'An example' });
  const viewers = useViewers(casto);
  if (state === 'failed') {
    return (
      <p role="alert">
        {error?.reason}: {error?.message}
      </p>
    );
  }
  if (stream === null) return <p role="status">One moment</p>;
  return (
    <>
      <LiveVideo stream={stream} />
      <p role="status">{viewers} watching</p>
      <a href={casto?.link}>Link for viewers</a>
    </>
  );
}

/** What the hook has no value for comes from the object itself. */
function useViewers(casto: ReturnType<typeof useCasto>['casto']): number {
  const [viewers, setViewers] = useState(0);
  useEffect(() => {
    const count = ({ detail }: CustomEvent<{ count: number }>): void => setViewers(detail.count);
    casto?.addEventListener('viewers', count);
    return () => casto?.removeEventListener('viewers', count);
  }, [casto]);
  return viewers;
}
