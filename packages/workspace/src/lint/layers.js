/**
 * Which workspace may import which: the architecture's arrows, written once.
 *
 *   core ← simulator
 *   core ← host ← browser ← demo
 *                         ← react
 *               ← nodejs  ← relay-node
 */

/**
 * @typedef {object} Layer
 * @property {readonly string[]} workspaces - Workspaces of this repository that it may import.
 * @property {readonly string[] | 'declared'} externals - Packages from outside: these, or what its package.json declares.
 * @property {boolean} node - Whether `node:` builtins exist where it runs.
 */

/** The end-to-end tests stand above all layers: they may import anything, files of other workspaces too. */
export const UNRESTRICTED = 'casto-test';

/** @type {ReadonlyMap<string, Layer>} */
export const LAYERS = new Map([
  ['@casto/core', { workspaces: [], externals: ['cborg'], node: false }],
  ['@casto/simulator', { workspaces: ['@casto/core'], externals: 'declared', node: true }],
  ['@casto/host', { workspaces: ['@casto/core'], externals: 'declared', node: false }],
  ['casto', { workspaces: ['@casto/core', '@casto/host'], externals: 'declared', node: false }],
  ['@casto/react', { workspaces: ['casto'], externals: 'declared', node: false }],
  // Settings alone, for the tests of @casto/react.
  ['casto-react-18', { workspaces: [], externals: 'declared', node: true }],
  ['@casto/nodejs', { workspaces: ['@casto/core', '@casto/host'], externals: 'declared', node: true }],
  ['casto-demo', { workspaces: ['casto'], externals: ['qr', 'uplot'], node: false }],
  ['casto-docs', { workspaces: ['casto', '@casto/react'], externals: 'declared', node: true }],
  ['casto-example-vite', { workspaces: ['casto'], externals: 'declared', node: false }],
  ['casto-example-react', { workspaces: ['casto', '@casto/react'], externals: 'declared', node: false }],
  ['casto-relay', { workspaces: ['@casto/nodejs'], externals: 'declared', node: true }],
  // The tools run before anything is installed, so nothing is there to import.
  ['casto-workspace-tools', { workspaces: [], externals: [], node: true }],
]);
