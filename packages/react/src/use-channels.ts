import type { CastoChannel, CastoChannels, CastoChannelsOptions, CastoChannelsState } from 'casto';
import { useEffect, useRef, useState } from 'react';

/** The hook has its own end: there is no `signal`. */
export interface UseChannelsOptions extends Omit<CastoChannelsOptions, 'signal' | 'relays'> {
  /** Relays to ask. Default: those of the page. */
  relays?: readonly string[] | undefined;
}

export interface ChannelsUse {
  /** The live ones, most viewed first, then newest. Another array after each change. */
  readonly channels: readonly CastoChannel[];
  readonly state: CastoChannelsState;
  /** A mistake in the options, or the SDK could not be loaded. */
  readonly error: Error | null;
}

const CONNECTING: ChannelsUse = { channels: [], state: 'connecting', error: null };

/**
 * The channels that are live at the relays, kept up to date for as long as the component is there.
 *
 * ```tsx
 * const { channels } = useChannels({ relays: ['https://relay.example'] });
 * return channels.map(({ channel, title }) => <a key={channel} href={`#casto=${channel}`}><bdi>{title}</bdi></a>);
 * ```
 */
export function useChannels(options: UseChannelsOptions = {}): ChannelsUse {
  const [use, setUse] = useState(CONNECTING);
  const latest = useRef(options);
  // A new array with the same relays is no other list.
  const content = JSON.stringify([options.app, options.relays]);
  useEffect(() => {
    latest.current = options;
  });
  useEffect(() => {
    const closed = new AbortController();
    const { signal } = closed;
    // In a microtask, which StrictMode's trial run of effects does not live to see.
    queueMicrotask(() => {
      if (signal.aborted) return;
      openList(latest.current, signal).then(
        (list) => follow(list, { signal, onChange: setUse }),
        (error: unknown) => {
          if (!signal.aborted) setUse({ ...CONNECTING, error: asError(error) });
        },
      );
    });
    return () => {
      closed.abort();
      setUse(CONNECTING);
    };
  }, [content]);
  return use;
}

/** Loaded when it is needed: on a server nobody looks. */
async function openList({ app, relays }: UseChannelsOptions, signal: AbortSignal): Promise<CastoChannels> {
  const { CASTO } = await import('casto');
  return CASTO.channels({ app, relays: relays === undefined ? undefined : [...relays], signal });
}

function follow(
  list: CastoChannels,
  { signal, onChange }: { signal: AbortSignal; onChange: (use: ChannelsUse) => void },
): void {
  const tell = (): void => {
    if (!signal.aborted) onChange({ channels: list.channels, state: list.state, error: null });
  };
  for (const type of ['added', 'changed', 'removed', 'state'] as const) {
    list.addEventListener(type, tell, { signal });
  }
  tell();
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
