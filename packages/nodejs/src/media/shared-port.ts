import { PeerConnection } from 'node-datachannel';
import type { RtcConfig } from 'node-datachannel';

export interface SharedPort {
  close(): void;
}

/**
 * Holds the UDP port that many links share. The library binds it with the first link and lets go of it with the
 * last; were it taken in between, the next link would end the process, because the library throws where nobody
 * can catch it.
 *
 * @param config - Of the links that share the port, which must be free now.
 */
export function holdSharedPort(config: RtcConfig): SharedPort {
  // A connection that goes nowhere. IceUdpMuxListener holds a port too, and as often as not for ever.
  const connection = new PeerConnection('port', config);
  const channel = connection.createDataChannel('port');
  // The library keeps the process alive until somebody has listened to the end of both, and the channel was closed.
  connection.onStateChange(() => {});
  channel.onClosed(() => {});
  connection.setLocalDescription('offer');
  return {
    close: () => {
      channel.close();
      connection.close();
    },
  };
}
