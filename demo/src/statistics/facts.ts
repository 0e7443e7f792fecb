/** The figures of the moment as a list of names and values. */

import type { CastoStats } from 'casto';

const FORWARDING = {
  'encoded-streams': 'as they are',
  'script-transform': 'as they are, by script transform',
  track: 'encoded again',
  encoders: 'one encoder for each',
  none: 'to nobody',
} as const;

const SEARCH = {
  parent: 'a parent',
  standby: 'a standby',
  better: 'a better parent',
} as const;

export function factsOf(stats: CastoStats | null): [name: string, value: string][] {
  if (stats === null) return [];
  const { video, audio, parents, children } = stats;
  const standbys = parents.filter(({ role }) => role === 'standby').length;
  const facts: [string, string][] = [];
  if (video !== null && video.width > 0) {
    facts.push(
      ['Picture', `${video.width} × ${video.height} at ${Math.round(video.framesPerSecond)}`],
      ['Video', video.codec.toUpperCase()],
      ['Freezes', String(video.freezes)],
    );
  }
  if (audio !== null) facts.push(['Sound', audio.codec === 'opus' ? 'Opus' : audio.codec]);
  if (stats.role === 'viewer') {
    facts.push([
      'Parents',
      standbys === 0 ? String(parents.length) : `${parents.length}, ${standbys} standing by`,
    ]);
  }
  facts.push(
    ['Children', `${children.length} of ${stats.slots}`],
    ['Pictures go on', FORWARDING[stats.forwarding]],
    ['Key frames asked for', String(stats.keyFrameRequests)],
  );
  if (stats.search !== null) facts.push(['Looking for', SEARCH[stats.search]]);
  return facts;
}
