/** What browsers are told about pages: what those may load, and with whom they may talk. */
import type { StaticFile } from './static-files.ts';

/**
 * Of the demo: scripts only as they were built, workers from inlined blobs, and connections
 * anywhere, because any relay may be dialled.
 */
const demoPolicy = [
  "default-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "media-src 'self' data: blob: mediastream:",
  "worker-src 'self' blob:",
  "connect-src 'self' http: https: ws: wss: data: blob:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'self'",
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
  const scripts = ["'self'", "'wasm-unsafe-eval'", ...inlineScripts].join(' ');
  return {
    'Content-Security-Policy': `${demoPolicy}; script-src ${scripts}`,
    'Permissions-Policy': 'camera=(self), microphone=(self), display-capture=(self)',
  };
}

export function dashboardHeaders(): Record<string, string> {
  return {
    'Content-Security-Policy': dashboardPolicy,
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Permissions-Policy': 'camera=(), microphone=(), display-capture=(), geolocation=()',
  };
}
