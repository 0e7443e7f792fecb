/** A relay on the network of whoever starts it: tells on its output, line by line, what it finds there. */

import { createRelay } from '../../src/relay.ts';

const [host = ''] = process.argv.slice(2);

const tell = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

const relay = await createRelay({
  host,
  log: (_level, event, fields) => {
    if (event === 'relay-found') tell({ event, relay: fields['relay'] ?? '' });
  },
});
tell({ event: 'started', relay: relay.peerId });
process.once('SIGTERM', () => void relay.stop().then(() => process.exit(0)));
