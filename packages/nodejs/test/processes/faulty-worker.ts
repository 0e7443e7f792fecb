/** A worker with one fault, by the `announce` it is started with: what main processes have to live with. */

import { isToWorker } from '../../src/processes/worker-messages.ts';

process.on('disconnect', () => process.exit(0));
process.on('message', (message: unknown) => {
  if (!isToWorker(message) || message.type !== 'start') return;
  const [fault] = message.announce;
  if (fault === 'never-ready') {
    console.error('a long story\nthe reason');
    process.exit(7);
  }
  process.send?.({ type: 'ready' }, undefined, undefined, () => {
    if (fault === 'crash') process.exit(3);
    // Else it says nothing more, not even when it is told to stop.
  });
});
