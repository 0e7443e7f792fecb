/** What the code in the guides takes for granted: elements and functions of the reader's page, and what it imported before. */

import type { CASTO as Casto, CastoChannel, CastoTreePeer } from 'casto';

declare global {
  const CASTO: typeof Casto;
  const casto: Casto;
  const channel: CastoChannel;

  const video: HTMLVideoElement;
  const preview: HTMLVideoElement;
  const canvas: HTMLCanvasElement;
  const image: HTMLImageElement;
  const input: HTMLInputElement;
  const share: HTMLAnchorElement;
  const button: HTMLButtonElement;
  const goLive: HTMLButtonElement;
  const stopButton: HTMLButtonElement;
  const counter: HTMLElement;
  const log: HTMLElement;
  const menu: HTMLElement;
  const more: HTMLElement;
  const note: HTMLElement;
  const picture: HTMLElement;

  const musicDestination: MediaStreamAudioDestinationNode;

  function draw(peers: CastoTreePeer[]): void;
  function show(text: string): void;
  function invite(link: string): void;
  function read(text: string): unknown;
}
