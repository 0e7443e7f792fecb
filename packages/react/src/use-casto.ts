import type { CASTO, CastoError, CastoOptions, CastoStats } from 'casto';
import { CastoRun, type CastoState } from 'casto/player';
import { useEffect, useRef, useState } from 'react';

/** The hook has its own end: there is no `signal`. */
export interface UseCastoOptions extends Omit<CastoOptions, 'signal'> {
  /** Begins when it becomes true, and stops when it becomes false. Default true. */
  enabled?: boolean;
}

/** What is known of the broadcast. */
export interface CastoUse {
  /** `null` before it is made. */
  readonly casto: CASTO | null;
  /** The viewer's remote stream, or the streamer's own preview; `null` before it is there. */
  readonly stream: MediaStream | null;
  readonly state: CastoState;
  /** What failed, until the broadcast runs again; the state tells whether it was the end. */
  readonly error: CastoError | null;
  /** New about once a second while the broadcast runs. */
  readonly stats: CastoStats | null;
}

const IDLE: CastoUse = { casto: null, stream: null, state: 'idle', error: null, stats: null };

/**
 * Watches a channel, or broadcasts without one, for as long as the component is there.
 *
 * Options are compared by what they say: a new object with the same content changes nothing, and other content begins
 * anew. StrictMode's trial run of effects begins nothing.
 *
 * ```tsx
 * const { stream, state } = useCasto({ channel, relays: ['https://relay.example'] });
 * ```
 */
export function useCasto({ enabled = true, ...options }: UseCastoOptions = {}): CastoUse {
  const [use, setUse] = useState(IDLE);
  const latest = useRef(options);
  const content = contentOf(options);
  useEffect(() => {
    latest.current = options;
  });
  useEffect(() => {
    if (!enabled) return;
    let isOver = false;
    const learn = (news: Partial<CastoUse>): void => {
      if (!isOver) setUse((known) => ({ ...known, ...news }));
    };
    const run = new CastoRun(
      async () => {
        const casto = await createCasto(latest.current);
        learn({ casto });
        return casto;
      },
      {
        onState: (state) => learn(state === 'live' ? { state, error: null } : { state }),
        onStream: (stream) => learn({ stream }),
        onStats: (stats) => learn({ stats }),
        onError: (error) => learn({ error }),
      },
    );
    return () => {
      isOver = true;
      void run.stop();
      setUse(IDLE);
    };
  }, [enabled, content]);
  return use;
}

/** Loaded when it is needed: on a server nobody watches. */
async function createCasto(options: CastoOptions): Promise<CASTO> {
  const { CASTO } = await import('casto');
  return new CASTO(options);
}

/** The options as text, to be compared. A stream counts as itself, not as what is in it. */
function contentOf({ source, ...rest }: CastoOptions): string {
  return JSON.stringify([rest, typeof source === 'object' ? source.id : source]);
}
