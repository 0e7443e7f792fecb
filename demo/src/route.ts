/**
 * Where in the page somebody is, as its address tells it.
 *
 *   (nothing)                     start page
 *   #go-live                      choose what to show
 *   #live                         the broadcast that this page sends
 *   #casto=ID                     watch; #casto=ID&panel=tree opens the tree beside the picture
 */

import { channelIn } from './channel-link.ts';

export const PANELS = ['share', 'chat', 'tree', 'statistics'] as const;
export type PanelName = (typeof PANELS)[number];

export type Route =
  | { view: 'home' }
  | { view: 'go-live' }
  | { view: 'live'; panel: PanelName | null }
  | { view: 'watch'; channel: string; panel: PanelName | null };

/** @param url - The whole address of the page. */
export function routeIn(url: string): Route {
  const parameters = new URLSearchParams(new URL(url).hash.slice(1));
  const wanted = parameters.get('panel');
  const panel = PANELS.find((name) => name === wanted) ?? null;
  const channel = channelIn(url);
  if (channel !== null) return { view: 'watch', channel, panel };
  if (parameters.has('live')) return { view: 'live', panel };
  return { view: parameters.has('go-live') ? 'go-live' : 'home' };
}

/** @returns The part of an address behind `#` that leads there; empty for the start page. */
export function hashOf(route: Route): string {
  switch (route.view) {
    case 'home':
      return '';
    case 'go-live':
      return 'go-live';
    case 'live':
      return withPanel('live', route.panel);
    case 'watch':
      return withPanel(`casto=${route.channel}`, route.panel);
  }
}

function withPanel(place: string, panel: PanelName | null): string {
  return panel === null ? place : `${place}&panel=${panel}`;
}
