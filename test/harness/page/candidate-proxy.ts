/**
 * Leads the connections of a page through a proxy (link-proxy.ts): the candidates of other peers are replaced by the
 * proxy's ports, and the page's own are kept to itself, so that nobody finds the direct way.
 */

let proxyUrl: string | null = null;
/** Of the page's own connections: one with itself, as an encoder has, leads through no network. */
const ownFragments = new Set<string>();

/** From here on, for connections that the page opens; `null`: those lead directly. */
export function useLinkProxy(url: string | null): void {
  proxyUrl = url;
}

/** Wraps a connection's class. Runs before the page's own scripts. */
export function proxied(Native: typeof RTCPeerConnection): typeof RTCPeerConnection {
  return class extends Native {
    /** Candidates that were found before it was known who is at the other end. */
    readonly #early: (() => void)[] = [];

    override addEventListener(type: string, ...rest: [never, never?]): void {
      if (type !== 'icecandidate') return super.addEventListener(type, ...rest);
      // The page's SDK listens for candidates in order to send them.
      const [listener] = rest as unknown as [(event: Event) => void];
      super.addEventListener(type, (event) => {
        if (proxyUrl === null || this.#isWithinPage()) listener(event);
        else if (this.remoteDescription === null) this.#early.push(() => listener(event));
      });
    }

    override async setLocalDescription(description?: RTCLocalSessionDescriptionInit): Promise<void> {
      await super.setLocalDescription(description);
      for (const fragment of fragmentsIn(this.localDescription)) ownFragments.add(fragment);
    }

    override async setRemoteDescription(description: RTCSessionDescriptionInit): Promise<void> {
      const { sdp } = description;
      const isDirect = proxyUrl === null || sdp === undefined || isOwn(description);
      await super.setRemoteDescription(
        isDirect ? description : { ...description, sdp: await rewriteAll(sdp) },
      );
      const early = this.#early.splice(0);
      if (this.#isWithinPage()) for (const tell of early) tell();
    }

    #isWithinPage(): boolean {
      return this.remoteDescription !== null && isOwn(this.remoteDescription);
    }

    override async addIceCandidate(candidate?: RTCIceCandidateInit | null): Promise<void> {
      const text = candidate?.candidate;
      const isDirect = proxyUrl === null || this.#isWithinPage();
      if (isDirect || !text) return super.addIceCandidate(candidate ?? undefined);
      const rewritten = await rewrite(text);
      if (rewritten !== null) await super.addIceCandidate({ ...candidate, candidate: rewritten });
    }
  };
}

function fragmentsIn(description: RTCSessionDescriptionInit | null): string[] {
  return [...(description?.sdp ?? '').matchAll(/^a=ice-ufrag:(\S+)/gm)].map(([, fragment = '']) => fragment);
}

function isOwn(description: RTCSessionDescriptionInit): boolean {
  return fragmentsIn(description).some((fragment) => ownFragments.has(fragment));
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
