/** PROTOCOL.md, what once went wrong: transcripts of inputs, replayed. `vitest -u` writes what the peer does today. */

import { describe, expect, test } from 'vitest';
import { replay } from './transcript.ts';

const transcripts = import.meta.glob('./transcripts/*.txt', {
  query: '?raw',
  import: 'default',
  eager: true,
});

describe('a transcript', () => {
  test.each(Object.entries(transcripts))(
    '[U3.1] has the same effects each time: %s',
    async (path, transcript) => {
      await expect(replay(transcript)).toMatchFileSnapshot(path);
    },
  );
});
