import { expect, test } from 'vitest';

import { hashOf, PANELS, routeIn } from '../src/route.ts';
import type { Route } from '../src/route.ts';

const ID = '12D3KooWQ8mXcY2vJ5tYpDq4h1nNn8zD7rTtEw9sVbKjLg3fHaXe';
const PAGE = 'http://localhost:8080/';

test('every place has an address of its own, and leads back to itself', () => {
  const panels = [null, ...PANELS];
  const routes: Route[] = [
    { view: 'home' },
    { view: 'go-live' },
    ...panels.map((panel) => ({ view: 'live' as const, panel })),
    ...panels.map((panel) => ({ view: 'watch' as const, channel: ID, panel })),
  ];
  for (const route of routes) expect(routeIn(`${PAGE}#${hashOf(route)}`)).toEqual(route);
  expect(new Set(routes.map(hashOf)).size).toBe(routes.length);
});

test('a channel wins over everything else in the address', () => {
  expect(routeIn(`${PAGE}#go-live&casto=${ID}`)).toEqual({ view: 'watch', channel: ID, panel: null });
});

test('panels and places that do not exist lead to the nearest one that does', () => {
  expect(routeIn(`${PAGE}#casto=${ID}&panel=secrets`)).toEqual({ view: 'watch', channel: ID, panel: null });
  expect(routeIn(`${PAGE}#nowhere`)).toEqual({ view: 'home' });
  expect(routeIn(`${PAGE}#casto=`)).toEqual({ view: 'home' });
});
