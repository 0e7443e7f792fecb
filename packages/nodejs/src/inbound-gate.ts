/**
 * Lets one network hold no more than its share of the libp2p connections that come in, handshakes that never end among
 * them: there is room for so many in all, and a host that takes it shuts everybody out.
 */

import type { RefusalCounter } from '@casto/host';
import type { ConnectionGater, MultiaddrConnection } from '@libp2p/interface';
import type { NetworkShare } from './access/network-share.ts';

/** @param refused - Counts as `peer:too-many-of-one` who is turned away. */
export function inboundGate(share: NetworkShare, refused: RefusalCounter): ConnectionGater {
  return {
    denyInboundConnection: (connection) => {
      const leave = share.enter(hostOf(connection));
      if (leave === null) {
        refused.count('peer:too-many-of-one');
        return true;
      }
      connection.addEventListener('close', leave, { once: true });
      // What ended before it was judged tells nothing any more.
      if (connection.status !== 'open') leave();
      return false;
    },
  };
}

/** Sockets name an IP address first, whatever follows. */
function hostOf({ remoteAddr }: MultiaddrConnection): string {
  return remoteAddr.getComponents()[0]?.value ?? '';
}
