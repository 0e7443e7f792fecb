/**
 * Browsers and other programs that come from the system, or from where an environment variable says. `npm test` looks for
 * them, and installs what is missing, before the tests run (packages/workspace/src/programs.js).
 */

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface SystemProgram {
  readonly title: string;
  /** What it is called on PATH, the most wanted first. */
  readonly commands: readonly string[];
  /** The environment variable that names its executable. */
  readonly variable: string;
}

/** Why tests with it are to be skipped here; `null`: they run. With CI=true nothing is skipped. */
export function skipReason(program: SystemProgram): string | null {
  if (process.env['CI'] === 'true' || findProgram(program) !== null) return null;
  return `no ${program.title} on this machine; install it, or set ${program.variable} to its executable`;
}

/** @throws When it is not there. */
export function installedProgram(program: SystemProgram): string {
  const path = findProgram(program);
  if (path === null) throw new Error(`no ${program.title}; set ${program.variable} to its executable`);
  return path;
}

function findProgram({ commands, variable }: SystemProgram): string | null {
  const given = process.env[variable];
  const folders = ['/usr/bin', ...(process.env['PATH'] ?? '').split(delimiter)];
  const paths = given
    ? [given]
    : commands.flatMap((command) => folders.map((folder) => join(folder, command)));
  return paths.find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
