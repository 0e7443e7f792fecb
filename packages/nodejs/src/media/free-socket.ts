import { createSocket } from 'node:dgram';
import { MediaLinkError } from './media-link-error.ts';

/**
 * Checks that this process may open one more UDP socket: file descriptors and ports both run out.
 *
 * @param address - To bind; absent: any.
 * @throws {MediaLinkError} `native`.
 */
export function assertSocket(address: string | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(address?.includes(':') === true ? 'udp6' : 'udp4');
    socket.once('error', (cause) => {
      socket.close();
      reject(new MediaLinkError('native', 'no UDP socket is left', { cause }));
    });
    socket.bind({ port: 0, ...(address === undefined ? {} : { address }) }, () =>
      socket.close(() => resolve()),
    );
  });
}
