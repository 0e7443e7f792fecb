/** What browsers are told about pages: what those may load, and with whom they may talk. */
import type { StaticFile } from './static-files.ts';

/**
 * Of the demo and the embedded player: scripts only as they were built, workers from inlined
 * blobs, and connections anywhere, because any relay may be dialled.
 */
const mediaPolicy = [
  "default-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "media-src 'self' data: blob: mediastream:",
  "worker-src 'self' blob:",
  "connect-src 'self' http: https: ws: wss: data: blob:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** Of the dashboard: nothing but its own files, and nobody that it could tell anything to. */
const dashboardPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ');

export function demoHeaders({ inlineScripts }: Pick<StaticFile, 'inlineScripts'>): Record<string, string> {
  return {
    'Content-Security-Policy': `${mediaPolicy}; frame-ancestors 'self'; ${scriptSource(inlineScripts)}`,
    'Permissions-Policy': 'camera=(self), microphone=(self), display-capture=(self)',
  };
}

/**
 * Of the player that other sites put into a frame. It only shows what is public, and asks for
 * nothing that a click stolen by the page around it could give away.
 */
export function embedHeaders({ inlineScripts }: Pick<StaticFile, 'inlineScripts'>): Record<string, string> {
  return {
    'Content-Security-Policy': `${mediaPolicy}; frame-ancestors *; ${scriptSource(inlineScripts)}`,
    'Permissions-Policy': 'camera=(), microphone=(), display-capture=(), geolocation=()',
    // Else pages that isolate themselves could not show it.
    'Cross-Origin-Resource-Policy': 'cross-origin',
  };
}

export function dashboardHeaders(): Record<string, string> {
  return {
    'Content-Security-Policy': dashboardPolicy,
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Permissions-Policy': 'camera=(), microphone=(), display-capture=(), geolocation=()',
  };
}

function scriptSource(inlineScripts: readonly string[]): string {
  return `script-src ${["'self'", "'wasm-unsafe-eval'", ...inlineScripts].join(' ')}`;
}
