/** Turns the figures of a session into short words. */

import type { CastoPeerStats, CastoStats, CastoVideoStats } from 'casto';

import type { PassOn } from '../session/pass-on.ts';

/** @returns Viewers, delay and distance for the chip; empty where nothing is known. */
export function chipFigures(stats: CastoStats | null, viewers: number): [string, string, string] {
  if (stats === null) return ['', '', ''];
  const watching = viewers === 1 ? '1 viewer' : `${viewers} viewers`;
  if (stats.role === 'streamer') return [watching, '', ''];
  const delay = stats.latencyMs === null ? '' : delayWords(stats.latencyMs);
  const hops = stats.depth === null ? '' : stats.depth === 1 ? '1 hop' : `${stats.depth} hops`;
  return [viewers === 0 ? '' : watching, delay, hops];
}

/** @returns One line about picture, codec, rate and the nearest peer. */
export function deskFigures(stats: CastoStats | null): string {
  if (stats === null) return '';
  const { video, audio } = stats;
  const rate = stats.role === 'viewer' ? stats.download.bitsPerSecond : stats.upload.bitsPerSecond;
  const nearest = stats.parents[0];
  const parts = [
    video === null ? '' : pictureWords(video),
    video === null ? '' : video.codec.toUpperCase(),
    audio === null && video !== null && video.width > 0 ? 'no sound' : '',
    rate === 0 ? '' : rateWords(rate),
    nearest === undefined ? '' : nearestWords(nearest, stats.depth),
    standbyWords(stats.parents),
  ];
  return parts.filter((part) => part !== '').join('  ·  ');
}

/**
 * @param choice - The viewer's own.
 * @returns What a viewer's page does for others, in a sentence; empty while nothing is known.
 */
export function relayingWords(stats: CastoStats | null, choice: PassOn): string {
  if (stats === null || stats.role === 'streamer' || stats.depth === null) return '';
  if (choice === 'off') return 'You pass nothing on.';
  const served = stats.children.filter(({ role }) => role === 'active').length;
  if (served === 1) return 'You are relaying to 1 other viewer. Thank you!';
  if (served > 1) return `You are relaying to ${served} other viewers. Thank you!`;
  return stats.slots === 0
    ? 'You are relaying to nobody: this connection has no room for it.'
    : 'You are relaying to nobody yet.';
}

export function delayWords(delayMs: number): string {
  return delayMs < 1000 ? `${Math.round(delayMs)} ms` : `${(delayMs / 1000).toFixed(1)} s`;
}

export function rateWords(bitsPerSecond: number): string {
  if (bitsPerSecond < 1_000_000) return `${Math.round(bitsPerSecond / 1000)} kb/s`;
  return `${(bitsPerSecond / 1_000_000).toFixed(1)} Mb/s`;
}

function pictureWords({ width, height, framesPerSecond }: CastoVideoStats): string {
  if (width === 0) return '';
  const rate = framesPerSecond === 0 ? '' : Math.round(framesPerSecond);
  return `${Math.min(width, height)}p${rate}`;
}

/** @param depth - Of this page: at 1 the parent is the streamer itself. */
function nearestWords({ kind, rttMs }: CastoPeerStats, depth: number | null): string {
  const page = depth === 1 ? 'streamer' : 'viewer';
  const name = kind === 'headless' ? 'relay' : page;
  return rttMs === null ? `by the ${name}` : `${name} ${Math.max(1, Math.round(rttMs))} ms away`;
}

/** Parents that would take over at once. */
function standbyWords(parents: readonly CastoPeerStats[]): string {
  const standbys = parents.filter(({ role }) => role === 'standby').length;
  return standbys === 0 ? '' : `${standbys} standing by`;
}
