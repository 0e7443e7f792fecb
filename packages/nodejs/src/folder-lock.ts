/**
 * One relay per data folder. Two with one identity would take each other's connections, because
 * libp2p cannot tell them apart.
 *
 * Every relay that wants the folder puts down an empty file named after its process, then looks
 * for files of others that still run, and withdraws when it sees one. Of two that come at once at
 * least one sees the other, and a file left by a crash can be deleted at any moment, since no
 * other process ever has its name. (A single lock file is not safe to take over: between
 * finding it stale and replacing it, another relay may have done so.)
 *
 * A process id is given to other processes later, and in a container it is 1 every time; so on
 * Linux the name also holds the moment the process started.
 */
import { randomInt } from 'node:crypto';
import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { RelayStartError } from './relay-options.ts';

export interface FolderLock {
  /** Idempotent. */
  release(): Promise<void>;
}

/** Two relays that come at once may both withdraw; each tries again after its own pause. */
const attempts = 4;
const shortestPauseMs = 20;
const longestPauseMs = 150;

/** `lock.PID`, or `lock.PID.START` where the system tells when a process started. */
const lockFileName = /^lock\.([1-9][0-9]{0,9})(?:\.([0-9a-f-]+))?$/;

/** Locks of this process, which may run several relays. */
const heldFiles = new Set<string>();

/** @throws {RelayStartError} 'locked-data-folder' when another relay that runs holds the folder. */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const name = nameOf(process.pid, await startOf(process.pid));
  const file = join(folder, name);
  if (heldFiles.has(file)) throw lockedError(folder, name);
  heldFiles.add(file);
  try {
    const holder = await claim(folder, name);
    if (holder !== null) throw lockedError(folder, holder);
  } catch (error) {
    await release(file);
    throw error;
  }
  return { release: () => release(file) };
}

/** @returns The lock file of the relay that has the folder, or null when it is ours. */
async function claim(folder: string, name: string): Promise<string | null> {
  const file = join(folder, name);
  let holder: string | null = null;
  for (let attempt = 0; attempt < attempts; attempt++) {
    if (attempt > 0) await delay(randomInt(shortestPauseMs, longestPauseMs));
    await writeFile(file, '', { mode: 0o600 });
    holder = await findOther(folder, name);
    if (holder === null) return null;
    await rm(file, { force: true });
  }
  return holder;
}

async function findOther(folder: string, ownName: string): Promise<string | null> {
  for (const name of await readdir(folder)) {
    const match = lockFileName.exec(name);
    if (match === null || name === ownName) continue;
    if (await isRunning(Number(match[1]), match[2] ?? null)) return name;
    await rm(join(folder, name), { force: true });
  }
  return null;
}

async function isRunning(pid: number, started: string | null): Promise<boolean> {
  // Our own process holds the folder under its own name, which is not looked at.
  if (pid === process.pid || !isAlive(pid)) return false;
  const current = await startOf(pid);
  return current === null || started === null || current === started;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it exists and belongs to somebody else.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** Id of the boot, and field 22 of /proc/PID/stat: clock ticks from boot to start (proc(5)). */
async function startOf(pid: number): Promise<string | null> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
    // The second field is the name in parentheses and may hold spaces; the third follows the last one.
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    return ticks === undefined ? null : `${boot}-${Number(ticks).toString(16)}`;
  } catch {
    return null;
  }
}

function nameOf(pid: number, started: string | null): string {
  return started === null ? `lock.${pid}` : `lock.${pid}.${started}`;
}

function lockedError(folder: string, name: string): RelayStartError {
  const pid = lockFileName.exec(name)?.[1] ?? 'unknown';
  return new RelayStartError(
    'locked-data-folder',
    `the data folder ${folder} is in use by another relay (process ${pid}); stop it, ` +
      `or give this one its own folder with --data (if no relay runs, delete ${join(folder, name)})`,
  );
}

async function release(file: string): Promise<void> {
  if (heldFiles.delete(file)) await rm(file, { force: true });
}
