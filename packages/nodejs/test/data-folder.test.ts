import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { X509Certificate } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publicKeyToProtobuf } from '@libp2p/crypto/keys';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openDataFolder } from '../src/data-folder.ts';
import type { DataFolder } from '../src/data-folder.ts';
import { RelayStartError } from '../src/relay-options.ts';

let dir: string;
const opened: DataFolder[] = [];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'casto-data-'));
});

afterEach(async () => {
  await Promise.all(opened.splice(0).map((folder) => folder.close()));
  await chmod(dir, 0o700);
  await rm(dir, { recursive: true, force: true });
});

async function openTracked(path: string | undefined): Promise<DataFolder> {
  const folder = await openDataFolder(path);
  opened.push(folder);
  return folder;
}

async function failureOf(path: string): Promise<RelayStartError> {
  const error: unknown = await openTracked(path).then(
    () => new Error('opened'),
    (reason: unknown) => reason,
  );
  if (error instanceof RelayStartError) return error;
  throw error;
}

function publicKeyOf(folder: DataFolder): string {
  return Buffer.from(publicKeyToProtobuf(folder.privateKey.publicKey)).toString('hex');
}

describe('identity', () => {
  test('a folder that does not exist is created, readable by its owner only', async () => {
    const nested = join(dir, 'a', 'b');
    await openTracked(nested);
    expect((await stat(nested)).mode & 0o777).toBe(0o700);
    for (const name of await readdir(nested)) {
      expect((await stat(join(nested, name))).mode & 0o777, name).toBe(0o600);
    }
  });

  test('the key and the certificate are the same when the folder is opened again', async () => {
    const first = await openTracked(dir);
    await first.close();
    const second = await openTracked(dir);
    expect(publicKeyOf(second)).toBe(publicKeyOf(first));
    expect(second.certificate).toEqual(first.certificate);
  });

  test('without a folder every start has another identity and remembers ports for itself only', async () => {
    const [first, second] = await Promise.all([openTracked(undefined), openTracked(undefined)]);
    await first.rememberPorts({ p2p: 4001, media: 4003, stun: 4005 });
    expect(publicKeyOf(first)).not.toBe(publicKeyOf(second));
    expect(first.certificate.certhash).not.toBe(second.certificate.certhash);
    expect(first.ports).toEqual({ p2p: 4001, media: 4003, stun: 4005 });
    expect(second.ports).toEqual({ p2p: 0, media: 0, stun: 0 });
  });

  test('the certificate is P-256, lives about ten years, and its hash is a multibase multihash', async () => {
    const { certificate } = await openTracked(undefined);
    const x509 = new X509Certificate(certificate.pem);
    const dayMs = 86_400_000;
    const days = (Date.parse(x509.validTo) - Date.now()) / dayMs;
    expect(x509.publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
    expect(x509.verify(x509.publicKey)).toBe(true);
    expect(days).toBeGreaterThan(3650);
    expect(Date.parse(x509.validFrom)).toBeLessThan(Date.now());
    const multihash = Buffer.from(certificate.certhash.slice(1), 'base64url');
    expect(certificate.certhash[0]).toBe('u');
    expect(multihash.subarray(0, 2)).toEqual(Buffer.from([0x12, 0x20]));
    expect(multihash.subarray(2).toString('hex')).toBe(x509.fingerprint256.replaceAll(':', '').toLowerCase());
  });
});

describe('ports', () => {
  test('are remembered, and nothing of the write is left behind', async () => {
    const first = await openTracked(dir);
    expect(first.ports).toEqual({ p2p: 0, media: 0, stun: 0 });
    await first.rememberPorts({ p2p: 4001, media: 4003, stun: 4005 });
    await first.close();
    expect((await openTracked(dir)).ports).toEqual({ p2p: 4001, media: 4003, stun: 4005 });
    const names = (await readdir(dir)).filter((name) => !name.startsWith('lock.'));
    expect(names.sort()).toEqual(['identity.json', 'ports.json']);
  });

  test('of a relay that had no STUN are kept', async () => {
    await writeFile(join(dir, 'ports.json'), '{"version":1,"p2p":4001,"media":4003}');
    expect((await openTracked(dir)).ports).toEqual({ p2p: 4001, media: 4003, stun: 0 });
  });

  test('a leftover of a write cut short does no harm', async () => {
    await writeFile(join(dir, 'identity.json.tmp'), '{"version":1,');
    await writeFile(join(dir, 'ports.json.tmp'), '');
    const folder = await openTracked(dir);
    await folder.rememberPorts({ p2p: 1, media: 2, stun: 3 });
    expect(JSON.parse(await readFile(join(dir, 'ports.json'), 'utf8'))).toEqual({
      version: 1,
      p2p: 1,
      media: 2,
      stun: 3,
    });
  });
});

describe('what is corrupt', () => {
  interface StoredIdentity {
    privateKey: string;
    certificate: Record<string, string>;
  }

  async function storedIdentity(): Promise<StoredIdentity> {
    const folder = await openDataFolder(dir);
    await folder.close();
    return JSON.parse(await readFile(join(dir, 'identity.json'), 'utf8')) as StoredIdentity;
  }

  test.each([
    ['empty', ''],
    ['cut short', '{"version":1,"privateKey":"CAES'],
    ['not an object', '[1,2]'],
    ['null', 'null'],
    ['without fields', '{"version":1}'],
    ['of no version', '{"privateKey":"x"}'],
    ['binary', '\u0000\u0001\ufffd'],
    ['far too large', JSON.stringify({ version: 1, padding: 'x'.repeat(70_000) })],
  ])('identity.json that is %s is named, with what to do', async (_, text) => {
    const file = join(dir, 'identity.json');
    await writeFile(file, text);
    const error = await failureOf(dir);
    expect(error.reason).toBe('corrupt-data-folder');
    expect(error.message).toContain(file);
    expect(error.message).toMatch(/restore it from a backup, or delete it/);
    expect(error.message).not.toContain('\n');
    expect(await readFile(file, 'utf8')).toBe(text);
  });

  test('a later version of the format is named as that', async () => {
    await writeFile(join(dir, 'identity.json'), '{"version":2}');
    expect((await failureOf(dir)).message).toContain('was written by a later version of the relay');
  });

  test('a key that is no key, and a certificate of another key', async () => {
    const stored = await storedIdentity();
    const file = join(dir, 'identity.json');
    await writeFile(file, JSON.stringify({ ...stored, privateKey: 'CAESQA==' }));
    expect((await failureOf(dir)).reason).toBe('corrupt-data-folder');

    const other = (await openTracked(undefined)).certificate;
    const mixed = { ...stored.certificate, privateKey: other.privateKey };
    await writeFile(file, JSON.stringify({ ...stored, certificate: mixed }));
    expect((await failureOf(dir)).reason).toBe('corrupt-data-folder');

    const rehashed = { ...stored.certificate, certhash: other.certhash };
    await writeFile(file, JSON.stringify({ ...stored, certificate: rehashed }));
    expect((await failureOf(dir)).reason).toBe('corrupt-data-folder');

    await writeFile(file, JSON.stringify(stored));
    await openTracked(dir);
  });

  test.each([
    '{"version":1,"p2p":70000,"media":1}',
    '{"version":1,"p2p":"1","media":1}',
    '{"version":1,"p2p":1,"media":1,"stun":-1}',
    'x',
  ])('ports.json %s is refused, and the folder is free again', async (text) => {
    await (await openDataFolder(dir)).close();
    await writeFile(join(dir, 'ports.json'), text);
    const error = await failureOf(dir);
    expect(error.reason).toBe('corrupt-data-folder');
    expect(error.message).toContain('ports.json');
    expect((await readdir(dir)).sort()).toEqual(['identity.json', 'ports.json']);
  });

  test('a directory in place of a file', async () => {
    await mkdir(join(dir, 'identity.json'));
    const error = await failureOf(dir);
    expect(error.reason).toBe('corrupt-data-folder');
    expect(error.message).toContain('EISDIR');
  });
});

describe('what cannot be written', () => {
  test('a file in place of the folder', async () => {
    const file = join(dir, 'file');
    await writeFile(file, '');
    expect((await failureOf(file)).reason).toBe('unwritable-data-folder');
    expect((await failureOf(join(file, 'below'))).reason).toBe('unwritable-data-folder');
  });

  test.skipIf(process.getuid?.() === 0)('a folder without write permission', async () => {
    await chmod(dir, 0o500);
    expect((await failureOf(dir)).reason).toBe('unwritable-data-folder');
  });
});

describe('the lock', () => {
  async function lockFiles(): Promise<string[]> {
    return (await readdir(dir)).filter((name) => name.startsWith('lock'));
  }

  test('a second opening is refused until the first is closed', async () => {
    const first = await openTracked(dir);
    const error = await failureOf(dir);
    expect(error.reason).toBe('locked-data-folder');
    expect(error.message).toContain(`process ${process.pid}`);
    expect(error.message).toContain(join(dir, `lock.${process.pid}`));
    await first.close();
    await first.close();
    expect(await lockFiles()).toEqual([]);
    await openTracked(dir);
  });

  test('of many that open at once in one process, one wins', async () => {
    const results = await Promise.allSettled(Array.from({ length: 12 }, () => openTracked(dir)));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  test('another process that runs is respected; once it is dead, its lock is taken over', async () => {
    const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    await once(child, 'spawn');
    await writeFile(join(dir, `lock.${child.pid}`), '');
    const error = await failureOf(dir);
    expect(error.message).toContain(`process ${child.pid}`);
    expect(await lockFiles()).toEqual([`lock.${child.pid}`]);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await openTracked(dir);
    expect(await lockFiles()).toHaveLength(1);
  });

  test('processes that start at once beside a stale lock never share the folder', async () => {
    await writeFile(join(dir, 'lock.4194305'), '');
    const startAtMs = Date.now() + 1500;
    const module = new URL('../src/folder-lock.ts', import.meta.url).href;
    const program = `
      const { lockFolder } = await import(${JSON.stringify(module)});
      while (Date.now() < ${startAtMs});
      await lockFolder(${JSON.stringify(dir)}).then(() => console.log('won'), (e) => console.log(e.reason));
      process.stdin.resume();`;
    const children = Array.from({ length: 4 }, () => {
      return spawn(process.execPath, ['--input-type=module', '-e', program], {
        stdio: ['pipe', 'pipe', 'ignore'],
      });
    });
    const answers = await Promise.all(
      children.map(async ({ stdout }) => String((await once(stdout, 'data'))[0]).trim()),
    );
    for (const child of children) child.kill('SIGKILL');
    expect(answers.filter((answer) => answer === 'won').length).toBeLessThanOrEqual(1);
    expect(answers.filter((answer) => answer === 'locked-data-folder').length).toBeGreaterThanOrEqual(3);
  }, 20_000);

  test.runIf(process.platform === 'linux')(
    'a process id that was given to another process since does not hold the folder',
    async () => {
      // In a container the relay has the same id at every start.
      await writeFile(join(dir, `lock.${process.pid}.0123-4567`), '');
      await writeFile(join(dir, `lock.${process.ppid}.0123-4567`), '');
      await openTracked(dir);
      expect(await lockFiles()).toHaveLength(1);
    },
  );

  test('files with other names are left alone', async () => {
    await writeFile(join(dir, 'lock.txt'), '');
    await openTracked(dir);
    expect(await lockFiles()).toContain('lock.txt');
  });
});
