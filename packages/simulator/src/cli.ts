import { runCommandLine } from './command-line.ts';
import { simulate } from './simulation.ts';

process.exitCode = runCommandLine(process.argv.slice(2), {
  simulate,
  stdout: process.stdout,
  stderr: process.stderr,
  // npm runs the script in the package's folder; the reader is in another one.
  folder: process.env['INIT_CWD'] ?? process.cwd(),
});
