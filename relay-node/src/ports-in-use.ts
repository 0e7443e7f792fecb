/** The ports that a firewall has to let in, in one line. */

export interface PortsInUse {
  /** TCP port of the pages. */
  http: number;
  /** Of libp2p, which names its ports itself. */
  multiaddrs: readonly string[];
  /** UDP ports of the media, one for each process. */
  media: readonly number[];
  /** UDP port of STUN; `null`: switched off. */
  stun: number | null;
}

/** Such as `TCP 8080 (HTTP), 4001, 4002 (libp2p); UDP 4001 (libp2p), 4003 (media), 4004 (STUN)`. */
export function describePorts({ http, multiaddrs, media, stun }: PortsInUse): string {
  // Behind a circuit stands the port of another relay.
  const own = multiaddrs.filter((multiaddr) => !multiaddr.includes('/p2p-circuit'));
  const tcp = [use([http], 'HTTP'), use(portsOf('tcp', own), 'libp2p')];
  const udp = [
    use(portsOf('udp', own), 'libp2p'),
    use(media, 'media'),
    use(stun === null ? [] : [stun], 'STUN'),
  ];
  return `TCP ${tcp.flat().join(', ')}; UDP ${udp.flat().join(', ')}`;
}

function portsOf(protocol: 'tcp' | 'udp', multiaddrs: readonly string[]): number[] {
  const ports = multiaddrs.flatMap((multiaddr) => {
    const port = new RegExp(`^/[^/]+/[^/]+/${protocol}/(\\d+)(?:/|$)`).exec(multiaddr)?.[1];
    return port === undefined ? [] : [Number(port)];
  });
  return [...new Set(ports)].toSorted((a, b) => a - b);
}

function use(ports: readonly number[], purpose: string): string[] {
  return ports.length === 0 ? [] : [`${ports.join(', ')} (${purpose})`];
}
