/**
 * The narrow slice of sdp-transform that is read here, typed by what it really returns: any attribute whose text
 * looks like a whole number arrives as a number (an ICE fragment `1234` too), and any attribute may be missing.
 */
declare module 'sdp-transform' {
  export type Scalar = string | number;

  export interface TransportAttributes {
    iceUfrag?: Scalar;
    icePwd?: Scalar;
    setup?: Scalar;
    fingerprint?: { type?: Scalar; hash?: Scalar };
  }

  export interface ParsedMedia extends TransportAttributes {
    type?: Scalar;
    port?: Scalar;
    protocol?: Scalar;
    payloads?: Scalar;
    mid?: Scalar;
    direction?: Scalar;
    bundleOnly?: Scalar;
    sctpPort?: Scalar;
    rtp: { payload?: Scalar; codec?: Scalar; rate?: Scalar; encoding?: Scalar }[];
    fmtp: { payload?: Scalar; config?: Scalar }[];
    rtcpFb?: { payload?: Scalar; type?: Scalar; subtype?: Scalar }[];
    ext?: { value?: Scalar; uri?: Scalar }[];
    ssrcs?: { id?: Scalar; attribute?: Scalar; value?: Scalar }[];
  }

  export interface ParsedSession extends TransportAttributes {
    media: ParsedMedia[];
  }

  export function parse(sdp: string): ParsedSession;
  export function parseParams(text: string): Record<string, Scalar | undefined>;
}
