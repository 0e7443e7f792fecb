/**
 * Who may see the dashboard: whoever has the token, or, where there is none, whoever sits at this machine. With a token
 * nobody is spared it, because a proxy on this machine may hide that its requests come from elsewhere.
 *
 * A request comes from this machine when its connection does, when it asks for this machine by a loopback name, and
 * when nothing shows a proxy. The name keeps out pages that point a name of their own at 127.0.0.1 (DNS rebinding), and
 * proxies that pass on the public one. HTTP/1.0 is what some proxies speak to their backends; browsers do not.
 *
 * The right token always gets in, whoever else tries from the same address: behind a proxy that is everybody. Each wrong
 * one beyond an allowance costs a connection, so that thousands cannot be sent in one breath.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { bearsToken } from '@casto/nodejs/access/bearer-token';
import { networkOf, reachOf } from '@casto/nodejs/access/network-address';
import { tokenBucket, type TokenBucket } from '@casto/nodejs/access/token-bucket';
import { reachOfHostHeader } from './addresses.ts';
import { showsProxy } from './proxy-signs.ts';

/** `throttled`: to be the last on its connection. */
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
  readonly #wrong = new Map<string, TokenBucket>();
  /** Connections that end with the answer to a guess. */
  readonly #ending = new WeakSet<Socket>();

  constructor(options: DashboardAccessOptions) {
    this.#options = options;
  }

  /** Whether this requester may see the page, which then asks for the token. */
  isOpenTo(request: IncomingMessage): boolean {
    return !isCrossSite(request) && (this.#options.token !== null || isAtThisMachine(request));
  }

  /** Of what the page shows. */
  judge(request: IncomingMessage): DashboardVerdict {
    if (!this.isOpenTo(request)) return 'forbidden';
    const { token, now } = this.#options;
    if (token === null) return 'granted';
    const { authorization } = request.headers;
    if (authorization === undefined) return 'unauthorized';
    // What was sent behind a guess, without waiting for its answer, is not compared.
    if (this.#ending.has(request.socket)) return 'throttled';
    if (bearsToken(authorization, token)) return 'granted';
    const allowance = this.#allowanceOf(request);
    this.#remember(request, allowance);
    if (allowance.take(now())) return 'unauthorized';
    this.#ending.add(request.socket);
    return 'throttled';
  }

  #allowanceOf(request: IncomingMessage): TokenBucket {
    return this.#wrong.get(networkFrom(request)) ?? tokenBucket(wrongTokens.perSecond, wrongTokens.burst);
  }

  #remember(request: IncomingMessage, allowance: TokenBucket): void {
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
