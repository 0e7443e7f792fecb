/** What a refusal, or a connection that broke, means for the page. */

import type { Refusal } from '@casto/core';
import { CastoError } from './errors.ts';

export function refusalFailure(reason: Refusal): CastoError {
  switch (reason) {
    case 'full':
    case 'too-deep':
      return new CastoError('relay-full', 'the relay has no free slot');
    case 'no-common-codec':
      return new CastoError('no-common-codec', 'this browser cannot decode the video of the channel');
    case 'draining':
    case 'busy':
    case 'loop':
      return new CastoError('timed-out', `the relay cannot serve now: ${reason}`);
    case 'offline':
      return new CastoError('channel-offline', 'nothing is broadcast on the channel');
    case 'not-found':
      return new CastoError('channel-not-found', 'no relay knows the channel');
    case 'not-allowed':
      return new CastoError('no-permission', 'the relay does not allow it');
    default:
      return new CastoError('protocol', `the relay refused: ${reason}`);
  }
}

/** Whether another attempt can have another outcome. */
export function isWorthRetrying({ reason }: CastoError): boolean {
  return ['timed-out', 'no-relay', 'relay-full', 'protocol', 'channel-offline'].includes(reason);
}
