/** Something that the person at the keyboard can mend: shown as one line, without a stack. */
export class ToolFailure extends Error {
  /** @override */
  name = 'ToolFailure';
}

/** What a command answers when it could not begin, as opposed to 1: it ran, and something failed. */
const EXIT_CANNOT_RUN = 2;

/**
 * Runs a command of this workspace and ends the process with its exit code.
 *
 * @param {() => Promise<number>} command
 */
export async function runTool(command) {
  try {
    process.exitCode = await command();
  } catch (error) {
    if (!(error instanceof ToolFailure)) throw error;
    process.stderr.write(`casto: ${error.message}\n`);
    process.exitCode = EXIT_CANNOT_RUN;
  }
}

/** @param {string} line - What is going on; on standard error, so that piped output stays clean. */
export function progress(line) {
  process.stderr.write(`casto: ${line}\n`);
}
