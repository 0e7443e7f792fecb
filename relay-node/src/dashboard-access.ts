/**
 * Who may see the dashboard: whoever has the token, or, where there is none, whoever sits at this machine. With a token
 * nobody is spared it, because a proxy on this machine may hide that its requests come from elsewhere.
 *
 * A request comes from this machine when its connection does, when it asks for this machine by a loopback name, and
 * when nothing shows a proxy. The name keeps out pages that point a name of their own at 127.0.0.1 (DNS rebinding), and
 * proxies that pass on the public one. HTTP/1.0 is what some proxies speak to their backends; browsers do not.
 */
import type { IncomingMessage } from 'node:http';
import { networkOf, reachOf } from '@casto/nodejs/access/network-address';
import { reachOfHostHeader } from './addresses.ts';
import { Allowance } from './allowance.ts';
import { bearsToken } from './bearer-token.ts';
import { showsProxy } from './proxy-signs.ts';

export type DashboardVerdict = 'granted' | 'unauthorized' | 'forbidden' | 'throttled';

export interface DashboardAccessOptions {
  /** Asked of everybody; null: only those at this machine may come in. */
  token: string | null;
  /** Milliseconds. */
  now: () => number;
}

/** Wrong tokens from one network, which is a person who mistypes, or somebody who tries them out. */
const wrongTokens = { perSecond: 0.5, burst: 5 };
/** Networks that wrong tokens came from. Beyond it the one that began first is forgotten. */
const mostNetworks = 1_000;

export class DashboardAccess {
  readonly #options: DashboardAccessOptions;
  readonly #wrong = new Map<string, Allowance>();

  constructor(options: DashboardAccessOptions) {
    this.#options = options;
  }

  judge(request: IncomingMessage): DashboardVerdict {
    if (isCrossSite(request)) return 'forbidden';
    const { token, now } = this.#options;
    if (token === null) return isAtThisMachine(request) ? 'granted' : 'forbidden';
    const { authorization } = request.headers;
    if (authorization === undefined) return 'unauthorized';
    const allowance = this.#allowanceOf(request);
    // Beyond the allowance nothing is compared, or the answer would tell whether a guess was right.
    if (!allowance.hasAny(now())) return 'throttled';
    if (bearsToken(authorization, token)) return 'granted';
    this.#remember(request, allowance);
    allowance.take(now());
    return 'unauthorized';
  }

  #allowanceOf(request: IncomingMessage): Allowance {
    return this.#wrong.get(networkFrom(request)) ?? new Allowance(wrongTokens);
  }

  #remember(request: IncomingMessage, allowance: Allowance): void {
    this.#wrong.set(networkFrom(request), allowance);
    const [first] = this.#wrong.keys();
    if (this.#wrong.size > mostNetworks && first !== undefined) this.#wrong.delete(first);
  }
}

function isAtThisMachine({ headers, socket, httpVersion }: IncomingMessage): boolean {
  return (
    reachOf(socket.remoteAddress ?? '') === 'loopback' &&
    reachOfHostHeader(headers.host) === 'loopback' &&
    httpVersion !== '1.0' &&
    !showsProxy(headers)
  );
}

/** Browsers say so themselves (Fetch Metadata, section 2.3): no page of another site has anything to ask here. */
function isCrossSite({ headers }: IncomingMessage): boolean {
  const site = headers['sec-fetch-site'];
  const isNavigation = headers['sec-fetch-mode'] === 'navigate';
  return site !== undefined && site !== 'same-origin' && site !== 'none' && !isNavigation;
}

function networkFrom({ socket }: IncomingMessage): string {
  return networkOf(socket.remoteAddress ?? '');
}
