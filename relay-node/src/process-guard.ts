/**
 * Decides what of that which nobody caught ends the process. A relay serves many: one stream that
 * fails in an unexpected place must not take the broadcasts of all others with it.
 */

/** System calls on a socket: their failure says nothing about the state of the rest. */
const socketCalls = ['read', 'write', 'send', 'recvmsg', 'connect', 'accept', 'shutdown'];

export function guardProcess(guarded: NodeJS.Process, failedExitCode: number): void {
  // A reader that goes away (`casto-relay --json | head -1`) must not end the relay.
  guarded.stdout.on('error', () => {});
  guarded.stderr.on('error', () => {});
  guarded.on('unhandledRejection', (reason) => report('unhandled rejection', reason));
  guarded.on('uncaughtException', (error) => {
    report('uncaught exception', error);
    if (!isSocketError(error)) guarded.exit(failedExitCode);
  });

  function report(what: string, reason: unknown): void {
    const detail = reason instanceof Error ? (reason.stack ?? reason.message) : String(reason);
    guarded.stderr.write(`casto-relay: ${what}: ${detail}\n`);
  }
}

function isSocketError(error: Error): boolean {
  return 'syscall' in error && socketCalls.includes(String(error.syscall));
}
