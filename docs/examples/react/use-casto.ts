import { useEffect, useState } from 'react';
import { CASTO, CastoError, type CastoOptions } from 'casto';

export interface Live {
  /** `null` until there is one. */
  stream: MediaStream | null;
  /** The page's address with the channel in it. */
  link: string;
  viewers: number;
  failure: CastoError | null;
}

const NOTHING: Live = { stream: null, link: '', viewers: 0, failure: null };

/**
 * Broadcasts or watches for as long as the component is there.
 *
 * @param options - The same object each time: another one is another broadcast.
 */
export function useCasto(options: CastoOptions): Live {
  const [live, setLive] = useState(NOTHING);

  useEffect(() => {
    const casto = new CASTO(options);
    const change = (part: Partial<Live>): void => setLive((before) => ({ ...before, ...part }));
    casto.addEventListener('viewers', ({ detail }) => change({ viewers: detail.count }));
    casto.start().then(
      (stream) => change({ stream, link: casto.link }),
      (error: unknown) => {
        // The component went away before the start was through.
        if (error instanceof CastoError && error.reason === 'aborted') return;
        change({ failure: error instanceof CastoError ? error : new CastoError('protocol', String(error)) });
      },
    );
    return () => {
      setLive(NOTHING);
      void casto.stop();
    };
  }, [options]);

  return live;
}
