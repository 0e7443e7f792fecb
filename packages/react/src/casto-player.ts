import 'casto/player';

import type { CastoError, CastoStats } from 'casto';
import type { CastoPlayerElement, CastoState } from 'casto/player';
import { createElement, forwardRef, useEffect, useImperativeHandle, useLayoutEffect, useRef } from 'react';
import type { ForwardRefExoticComponent, HTMLAttributes, RefAttributes, RefObject } from 'react';

/** React listens to these on its own media elements only; the ref leads to the element, which tells them. */
type Unheard =
  | 'onError'
  | 'onPlay'
  | 'onPause'
  | 'onPlaying'
  | 'onWaiting'
  | 'onStalled'
  | 'onEmptied'
  | 'onLoadedMetadata'
  | 'onLoadedData'
  | 'onTimeUpdate'
  | 'onVolumeChange';

export interface CastoPlayerProps extends Omit<HTMLAttributes<CastoPlayerElement>, Unheard> {
  /** The channel's id. */
  channel?: string | undefined;
  /** Relays to use, http(s) origins or multiaddrs. Default: those of the page. */
  relays?: readonly string[] | undefined;
  /** Namespace of channels. */
  app?: string | undefined;
  /** Begin without sound. */
  muted?: boolean | undefined;
  /** Begin without being asked; without sound where the browser allows none. */
  autoplay?: boolean | undefined;
  controls?: boolean | undefined;
  /** Address of a picture to show until the first one of the broadcast. */
  poster?: string | undefined;
  /** Parents that deliver at a time. */
  liveParents?: 1 | 2 | undefined;
  /** `'off'`: the broadcast is not passed on to other pages. */
  relay?: 'on' | 'off' | undefined;
  /** Pages that it is passed on to at most. */
  maxChildren?: number | undefined;
  onState?: ((state: CastoState) => void) | undefined;
  /** About once a second. */
  onStats?: ((stats: CastoStats) => void) | undefined;
  onError?: ((error: CastoError) => void) | undefined;
}

type Listeners = Pick<CastoPlayerProps, 'onState' | 'onStats' | 'onError'>;

/**
 * `<casto-player>` with typed props. The ref is the element; children with a `slot` come into its slots.
 *
 * ```tsx
 * <CastoPlayer channel={id} relays={['https://relay.example']} autoplay controls onState={setState} />
 * ```
 */
export const CastoPlayer: ForwardRefExoticComponent<CastoPlayerProps & RefAttributes<CastoPlayerElement>> =
  forwardRef<CastoPlayerElement, CastoPlayerProps>(function CastoPlayer(props, ref) {
    const { relays, muted, autoplay, controls, liveParents, maxChildren, className, ...others } = props;
    const { onState, onStats, onError, ...rest } = others;
    const element = useRef<CastoPlayerElement>(null);
    useImperativeHandle<CastoPlayerElement | null, CastoPlayerElement | null>(ref, () => element.current);
    useListeners(element, { onState, onStats, onError });
    // React 18 makes attributes of all of these, React 19 properties of those that the element has: values that mean
    // the same both ways.
    return createElement('casto-player', {
      ...rest,
      ref: element,
      class: className,
      relays: relays?.join(' '),
      muted: muted || undefined,
      autoplay: autoplay || undefined,
      controls: controls || undefined,
      'live-parents': liveParents,
      'max-children': maxChildren,
    });
  });

/** Before anything is painted: the first state comes in the microtask after the element has been put in. */
const useEarlyEffect = typeof document === 'undefined' ? useEffect : useLayoutEffect;

function useListeners(element: RefObject<CastoPlayerElement | null>, listeners: Listeners): void {
  const latest = useRef(listeners);
  useEarlyEffect(() => {
    latest.current = listeners;
  });
  useEarlyEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    const player = element.current;
    player?.addEventListener('castostate', ({ detail }) => latest.current.onState?.(detail.state), {
      signal,
    });
    player?.addEventListener('castostats', ({ detail }) => latest.current.onStats?.(detail), { signal });
    player?.addEventListener('castoerror', ({ detail }) => latest.current.onError?.(detail), { signal });
    return () => controller.abort();
  }, [element]);
}
