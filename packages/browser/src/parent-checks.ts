/** What a viewer's page finds out about its parents while it watches: how much of the media comes, and whether any does. */

import type { ChannelId, TreeInput } from '@casto/core';
import { MEDIA_LOOK_MS, MediaWatch, type Clock } from '@casto/host';
import type { Attachment } from './attachment.ts';

/** How often it is looked what parents really deliver. */
const MEASURE_MS = 5_000;

export interface ParentChecksOptions {
  readonly channel: ChannelId;
  readonly clock: Clock;
  readonly attachments: () => Attachment[];
  readonly tell: (input: TreeInput) => void;
  /** The parents are being measured. */
  readonly onMeasure: () => void;
  /** Ends it. */
  readonly signal: AbortSignal;
}

export function keepCheckingParents(options: ParentChecksOptions): void {
  const { channel, tell } = options;
  keepMeasuring(options);
  keepWatching(options, new MediaWatch({ channel, tell }));
}

function keepMeasuring(options: ParentChecksOptions): void {
  const { attachments, clock, onMeasure, signal } = options;
  if (signal.aborted) return;
  for (const attachment of attachments()) void measure(attachment, options);
  onMeasure();
  clock.setTimer(() => keepMeasuring(options), MEASURE_MS);
}

async function measure(attachment: Attachment, { tell }: ParentChecksOptions): Promise<void> {
  const measured = await attachment.measure();
  const { peerId } = attachment.link;
  if (measured !== null) tell({ type: 'measured', peerId, ...measured });
}

function keepWatching(options: ParentChecksOptions, watch: MediaWatch): void {
  const { attachments, clock, signal } = options;
  if (signal.aborted) return;
  const fed = attachments().filter(({ isFed }) => isFed);
  watch.look(fed, clock.now());
  clock.setTimer(() => keepWatching(options, watch), MEDIA_LOOK_MS);
}
