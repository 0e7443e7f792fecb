import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

interface LockedPackage {
  resolved?: string;
  integrity?: string;
  link?: boolean;
  optionalDependencies?: Record<string, string>;
}

const text = readFileSync(new URL('../../../package-lock.json', import.meta.url), 'utf8');
const { packages } = JSON.parse(text) as { packages: Record<string, LockedPackage> };
const installed = Object.entries(packages).filter(([path]) => path.startsWith('node_modules/'));

test('the lockfile names no registry', () => {
  const named = installed.filter(([, { resolved }]) => resolved !== undefined && /^\w+:/.test(resolved));
  expect(named).toEqual([]);
});

test('every package is known by its content', () => {
  const unknown = installed.filter(([, { integrity, link }]) => integrity === undefined && link !== true);
  expect(unknown).toEqual([]);
});

test('the packages of other platforms are there', () => {
  const missing = installed.flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) => !(`node_modules/${name}` in packages) && !(`${path}/node_modules/${name}` in packages),
    ),
  );
  expect(missing).toEqual([]);
});

test.each(['react-native', 'metro'])('%s stays out', (name) => {
  expect(packages).not.toHaveProperty([`node_modules/${name}`]);
});

test.each(['multiformats', 'protons-runtime', 'uint8arraylist', 'uint8arrays'])(
  '%s is there once',
  (name) => {
    const copies = installed.filter(([path]) => path.endsWith(`node_modules/${name}`));
    expect(copies).toHaveLength(1);
  },
);
