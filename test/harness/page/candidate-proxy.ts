/**
 * Leads the connections of a page through a proxy (link-proxy.ts): the candidates of other peers are replaced by the
 * proxy's ports, and the page's own are kept to itself, so that nobody finds the direct way.
 */

let proxyUrl: string | null = null;

/** From here on, for connections that the page opens. */
export function useLinkProxy(url: string): void {
  proxyUrl = url;
}

/** Wraps a connection's class. Runs before the page's own scripts. */
export function proxied(Native: typeof RTCPeerConnection): typeof RTCPeerConnection {
  return class extends Native {
    override addEventListener(type: string, ...rest: [never, never?]): void {
      // The page's SDK listens for candidates in order to send them.
      if (type === 'icecandidate' && proxyUrl !== null) return;
      super.addEventListener(type, ...rest);
    }

    override async setRemoteDescription(description: RTCSessionDescriptionInit): Promise<void> {
      const { sdp } = description;
      await super.setRemoteDescription(
        proxyUrl === null || sdp === undefined ? description : { ...description, sdp: await rewriteAll(sdp) },
      );
    }

    override async addIceCandidate(candidate?: RTCIceCandidateInit | null): Promise<void> {
      const text = candidate?.candidate;
      if (proxyUrl === null || !text) return super.addIceCandidate(candidate ?? undefined);
      const rewritten = await rewrite(text);
      if (rewritten !== null) await super.addIceCandidate({ ...candidate, candidate: rewritten });
    }
  };
}

async function rewriteAll(sdp: string): Promise<string> {
  const lines = await Promise.all(
    sdp.split('\r\n').map(async (line) => {
      if (!line.startsWith('a=candidate:')) return line;
      const rewritten = await rewrite(line.slice(2));
      return rewritten === null ? null : `a=${rewritten}`;
    }),
  );
  return lines.filter((line) => line !== null).join('\r\n');
}

/** @returns `null` for a candidate to which the proxy does not lead. */
async function rewrite(candidate: string): Promise<string | null> {
  const fields = candidate.split(' ');
  if (fields[2]?.toLowerCase() !== 'udp' || !/^[\d.]+$/.test(fields[4] ?? '')) return null;
  const response = await fetch(`${proxyUrl}?address=${fields[4]}&port=${fields[5]}`);
  fields[5] = await response.text();
  return fields.join(' ');
}
