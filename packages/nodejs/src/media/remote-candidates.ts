/** The other end's candidates, on their way into a connection of node-datachannel. */

import { CandidateIntake, parseCandidate } from '@casto/host';
import type { RefusalCounter } from '@casto/host';
import type { PeerConnection } from 'node-datachannel';
import { NATIVE_MID } from './native-section.ts';

export class RemoteCandidates {
  readonly #connection: PeerConnection;
  readonly #counts: RefusalCounter;
  readonly #intake = new CandidateIntake();

  constructor(connection: PeerConnection, counts: RefusalCounter) {
    this.#connection = connection;
    this.#counts = counts;
  }

  /** A bad one is dropped and counted. Not for a connection that is closed. */
  add(text: string): void {
    const { refused } = this.#intake;
    const candidate = this.#intake.take(text);
    if (this.#intake.refused > refused) this.#counts.count('candidate');
    if (candidate === null) return;
    const { transport, address } = parseCandidate(candidate);
    // The library speaks UDP only, and looks each name up in a thread of its own. A peer behind a hidden address
    // shows itself by its checks.
    if (transport === 'tcp' || address.endsWith('.local')) return;
    try {
      this.#connection.addRemoteCandidate(candidate, NATIVE_MID);
    } catch {
      this.#counts.count('candidate-native');
    }
  }
}
