/** Why nothing can be shown, in words, and what to do about it. */

export type SourceKind = 'camera' | 'screen' | 'file' | 'test-picture';

export interface SourceProblem {
  title: string;
  advice: string;
}

/** Thrown where a browser has no error of its own for it. */
export class SourceError extends Error {
  override readonly name = 'SourceError';
  readonly reason: 'unplayable-file' | 'no-capture' | 'insecure-context';

  constructor(reason: SourceError['reason'], options?: ErrorOptions) {
    super(`nothing to show: ${reason}`, options);
    this.reason = reason;
  }
}

const INSECURE: SourceProblem = {
  title: 'This address is not secure',
  advice:
    'Browsers open camera and screen only on https or on localhost. Open the page there; a video file and the test picture work here too.',
};

const NO_CAPTURE: SourceProblem = {
  title: 'This browser cannot do that',
  advice: 'Use a current Chrome, Edge, Firefox or Safari, or choose something else to show.',
};

const UNPLAYABLE: SourceProblem = {
  title: 'This file does not play here',
  advice: 'Choose another one: MP4 with H264, or WebM, play in most browsers.',
};

const DENIED: Readonly<Record<SourceKind, SourceProblem>> = {
  camera: {
    title: 'The camera is not allowed',
    advice:
      'Allow it with the icon beside the address, then try again. The test picture needs no permission.',
  },
  screen: {
    title: 'No screen was chosen',
    advice: 'Try again, and choose a screen, a window or a tab in the browser’s dialog.',
  },
  file: UNPLAYABLE,
  'test-picture': NO_CAPTURE,
};

const NO_CAMERA: SourceProblem = {
  title: 'No camera found',
  advice: 'Plug one in and try again, or show your screen, a video file or the test picture.',
};

const BUSY_CAMERA: SourceProblem = {
  title: 'The camera is in use',
  advice: 'Close the app or the tab that uses it, then try again.',
};

/** @param error - What opening the source threw; anything. */
export function problemOf(kind: SourceKind, error: unknown): SourceProblem {
  if (error instanceof SourceError) {
    if (error.reason === 'insecure-context') return INSECURE;
    return error.reason === 'no-capture' ? NO_CAPTURE : UNPLAYABLE;
  }
  switch (errorName(error)) {
    case 'NotAllowedError':
    case 'SecurityError':
      return DENIED[kind];
    case 'NotReadableError':
    case 'AbortError':
      return kind === 'camera' ? BUSY_CAMERA : DENIED[kind];
    case 'NotFoundError':
    case 'OverconstrainedError':
      return kind === 'camera' ? NO_CAMERA : DENIED[kind];
    default:
      return kind === 'camera' ? NO_CAMERA : NO_CAPTURE;
  }
}

/** @returns What kind of error it is, e.g. `NotFoundError`; empty for what is none. */
export function errorName(error: unknown): string {
  // In some browsers an OverconstrainedError inherits from no other error.
  if (typeof error !== 'object' || error === null || !('name' in error)) return '';
  return typeof error.name === 'string' ? error.name : '';
}
