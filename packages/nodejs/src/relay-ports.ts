/** Which ports a relay takes: those that it was told, those that it remembers, or free ones. */

import type { DataFolder, RelayPorts } from './data-folder.ts';
import { assertP2pPortFree, assertUdpPortFree, chooseP2pPort, chooseUdpPorts } from './free-ports.ts';
import { RelayStartError, type RelayOptions } from './relay-options.ts';

const HIGHEST_PORT = 65_535;

/**
 * @param processes - Each takes a port for its media, one after the other; only the first is remembered.
 * @throws {RelayStartError} When one is in use, or two are the same.
 */
export async function choosePorts(
  host: string,
  options: RelayOptions,
  { folder, processes }: { folder: Pick<DataFolder, 'ports'>; processes: number },
): Promise<RelayPorts> {
  const p2p = options.p2pPort || folder.ports.p2p || (await chooseP2pPort(host));
  const media =
    options.mediaPort ||
    folder.ports.media ||
    (await chooseUdpPorts(host, processes, [p2p, options.stunPort ?? 0, folder.ports.stun]));
  const ofMedia = mediaPorts(media, processes);
  if (media + processes - 1 > HIGHEST_PORT) {
    throw new RelayStartError(
      'bad-option',
      `${processes} processes take ports from the media port ${media} on`,
    );
  }
  const stun = await chooseStunPort(host, options, { remembered: folder.ports.stun, p2p, ofMedia });
  // All are UDP, and each would find the port free before another takes it.
  if (ofMedia.includes(p2p)) throw sharedPort('libp2p and media', p2p);
  if (stun === p2p || ofMedia.includes(stun)) {
    throw sharedPort(`STUN and ${stun === p2p ? 'libp2p' : 'media'}`, stun);
  }
  await assertP2pPortFree(host, p2p);
  for (const port of ofMedia) await assertUdpPortFree(host, port, mediaFlag(media, port));
  if (options.stun !== false) await assertUdpPortFree(host, stun, '--stun-port');
  return { p2p, media, stun };
}

/** One for each process, the main process first. */
export function mediaPorts(first: number, processes: number): number[] {
  return Array.from({ length: processes }, (_, index) => first + index);
}

/** @returns 0 where none is needed and none is remembered. */
async function chooseStunPort(
  host: string,
  { stun = true, stunPort }: RelayOptions,
  { remembered, p2p, ofMedia }: { remembered: number; p2p: number; ofMedia: readonly number[] },
): Promise<number> {
  if (stun && stunPort) return stunPort;
  // A port that was given to another use since is no longer ours.
  const known = remembered === p2p || ofMedia.includes(remembered) ? 0 : remembered;
  return known === 0 && stun ? chooseUdpPorts(host, 1, [p2p, ...ofMedia]) : known;
}

function mediaFlag(first: number, port: number): string {
  return port === first ? '--media-port' : `--media-port ${first}, process ${port - first + 1}: port`;
}

function sharedPort(uses: string, port: number): RelayStartError {
  return new RelayStartError('bad-option', `${uses} cannot share the UDP port ${port}`);
}
