/** What a viewer's page tells of itself. */

import type { PeerId } from '@casto/core';
import type { Clock, TreeDriver } from '@casto/host';
import type { Attachment } from './attachment.ts';
import type { PageRelaying } from './page-relaying.ts';
import { peersStats } from './role.ts';
import { readMediaStats, TransferMeter, type CastoStats } from './stats.ts';

export interface ViewerParts {
  readonly driver: TreeDriver;
  readonly clock: Clock;
  /** The parent whose media is played. */
  readonly current: Attachment | null;
  /** The parent whose decoders are in use. */
  readonly decoding: Attachment | null;
  readonly relaying: PageRelaying | null;
  /** Bytes of media from all parents so far. */
  readonly received: number;
  readonly isLost: (peerId: PeerId) => boolean;
}

type Measured = Omit<CastoStats, 'role' | 'channel' | 'peerId' | 'forwarding' | 'keyFrameRequests'>;

export class ViewerStats {
  readonly #upload = new TransferMeter();
  readonly #download = new TransferMeter();

  async measure(parts: ViewerParts): Promise<Measured> {
    const { driver, clock, current, decoding, relaying, received, isLost } = parts;
    const view = driver.view();
    const media = decoding ? await readMediaStats(decoding.end.pc) : null;
    const reports = (await relaying?.children.reports()) ?? [];
    const sent = reports.reduce((sum, { bytesSent }) => sum + bytesSent, 0);
    const isWell = current !== null && !isLost(current.link.peerId);
    return {
      depth: isWell ? view.depth : null,
      path: isWell ? [...view.path] : [],
      parents: peersStats(driver, view.parents, isLost),
      children: peersStats(driver, view.children),
      slots: view.slots,
      freeSlots: view.freeSlots,
      search: view.searchingFor,
      video: media?.video ?? null,
      audio: media?.audio ?? null,
      latencyMs: isWell ? current.latencyMs : null,
      upload: this.#upload.measure(sent, clock.now()),
      download: this.#download.measure(received, clock.now()),
    };
  }
}
