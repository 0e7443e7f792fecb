import { expect, test } from 'vitest';

import { bumpChangelog, bumpManifest, isLater, isVersion } from '../src/bumping.js';
import { workspacePackages } from '../src/published-packages.js';

test('all workspaces have one version, and name it when they name each other', () => {
  const packages = workspacePackages();
  const [version] = packages.map(({ manifest }) => String(manifest['version']));
  const names = packages.map(({ name }) => name);
  for (const { name, manifest } of packages) {
    const text = JSON.stringify(manifest, null, 2) + '\n';
    expect(bumpManifest(text, version ?? '', names), name).toBe(text);
  }
});

test('a bump reaches the workspaces that others name, and nothing else', () => {
  const text = JSON.stringify({
    name: '@casto/react',
    version: '0.1.0',
    peerDependencies: { casto: '^0.1.0', react: '^19.0.0' },
    devDependencies: { casto: '0.1.0' },
  });
  expect(JSON.parse(bumpManifest(text, '0.2.0', ['casto', '@casto/react']))).toEqual({
    name: '@casto/react',
    version: '0.2.0',
    peerDependencies: { casto: '^0.2.0', react: '^19.0.0' },
    devDependencies: { casto: '0.2.0' },
  });
});

test('what is unreleased becomes the version, under a new heading for what comes next', () => {
  const text = '# Changelog\n\n## Unreleased\n\n- A.\n\n## 0.1.0 (2026-01-01)\n\n- B.\n';
  expect(bumpChangelog(text, '0.2.0', '2026-02-02')).toBe(
    '# Changelog\n\n## Unreleased\n\n## 0.2.0 (2026-02-02)\n\n- A.\n\n## 0.1.0 (2026-01-01)\n\n- B.\n',
  );
  expect(() => bumpChangelog('# Changelog\n', '0.2.0', '2026-02-02')).toThrow('Unreleased');
});

test.each([
  ['0.2.0', '0.1.9', true],
  ['0.10.0', '0.9.9', true],
  ['1.0.0', '0.9.9', true],
  ['0.1.0', '0.1.0', false],
  ['0.1.9', '0.2.0', false],
])('whether %s comes after %s: %s', (version, than, expected) => {
  expect(isLater(version, than)).toBe(expected);
});

test.each(['', '1.0', 'v1.0.0', '1.0.0-rc.1', '1.0.0 '])('no version: %j', (text) => {
  expect(isVersion(text)).toBe(false);
});
