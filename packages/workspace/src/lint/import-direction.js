import { builtinModules } from 'node:module';
import { dirname, join, relative, resolve, sep } from 'node:path';

import { isRecord, readJson } from '../json-file.js';
import { LAYERS, UNRESTRICTED } from './layers.js';

const REPOSITORY_NAME = 'casto-workspace';
const BUILTINS = new Set(builtinModules);
const DEPENDENCY_FIELDS = ['dependencies', 'devDependencies', 'peerDependencies', 'optionalDependencies'];

/**
 * Code of a workspace that never reaches its users: tests, benchmarks, tool configuration, and the acceptance
 * suites that host shares with its adapters. It may use Node and the tools that the repository's root declares.
 */
const NOT_SHIPPED = /^(?:test|bench|mutants|src[/\\]conformance)[/\\]|\.config\.[jt]s$|\.test\.[jt]s$/;

/**
 * Imports follow the arrows of layers.js; a workspace is entered through its name, never through its files.
 *
 * @type {import('./rule.js').Rule}
 */
export const importDirection = {
  create(context) {
    const home = findWorkspace(dirname(context.filename));
    if (home === null || home.name === UNRESTRICTED) return {};
    const inner = relative(home.folder, context.filename);

    /** @param {import('./rule.js').Node | null | undefined} source - What names the imported module. */
    const check = (source) => {
      if (source?.type !== 'Literal' || typeof source.value !== 'string') return;
      const message = complaint(home, inner, source.value);
      if (message !== null) context.report({ node: source, message });
    };
    return {
      ImportDeclaration: (node) => check(node.source),
      ExportAllDeclaration: (node) => check(node.source),
      ExportNamedDeclaration: (node) => check(node.source),
      ImportExpression: (node) => check(node.source),
      TSImportType: (node) => check(node.source),
      CallExpression: (node) => {
        if (looksUpModule(node.callee)) check(node.arguments[0]);
      },
    };
  },
};

/** @param {import('./rule.js').Node} callee - `require` or `import.meta.resolve`. */
function looksUpModule(callee) {
  if (callee.type === 'Identifier') return callee.name === 'require';
  return callee.type === 'MemberExpression' && callee.object.type === 'MetaProperty';
}

/**
 * @typedef {object} Workspace
 * @property {string} name
 * @property {string} folder
 * @property {ReadonlySet<string>} declared - Packages in its own package.json.
 * @property {ReadonlySet<string>} tools - Packages that the root declares for everybody's tests.
 */

/**
 * @param {Workspace} home
 * @param {string} inner - The importing file, relative to its workspace.
 * @param {string} specifier
 * @returns {string | null} What is wrong with the import, or `null`.
 */
function complaint(home, inner, specifier) {
  const layer = LAYERS.get(home.name);
  if (layer === undefined)
    return `workspace ${home.name} has no layer in packages/workspace/src/lint/layers.js`;
  const shipped = !NOT_SHIPPED.test(inner);

  if (specifier.startsWith('.') || specifier.startsWith('/')) {
    const target = resolve(home.folder, dirname(inner), specifier);
    if (target.startsWith(home.folder + sep)) return null;
    return `${specifier} leaves the workspace ${home.name}; import the other workspace by its name`;
  }
  const name = packageName(specifier);
  if (name.startsWith('node:') || BUILTINS.has(name)) {
    return layer.node || !shipped ? null : `${home.name} runs where Node's ${specifier} does not exist`;
  }
  if (name === home.name || layer.workspaces.includes(name)) return null;
  if (LAYERS.has(name) || name === UNRESTRICTED)
    return `${home.name} must not import ${name}: imports point towards core`;
  if (!shipped && (home.tools.has(name) || home.declared.has(name))) return null;
  if (layer.externals !== 'declared') {
    return layer.externals.includes(name) ? null : `${home.name} must not import ${name}`;
  }
  return home.declared.has(name) ? null : `${name} is not declared in the package.json of ${home.name}`;
}

/** @param {string} specifier */
function packageName(specifier) {
  const [first = '', second = ''] = specifier.split('/');
  return specifier.startsWith('@') ? `${first}/${second}` : first;
}

/** @type {Map<string, Workspace | null>} */
const workspaces = new Map();

/**
 * @param {string} folder
 * @returns {Workspace | null}
 */
function findWorkspace(folder) {
  const known = workspaces.get(folder);
  if (known !== undefined) return known;
  const found = readWorkspace(folder) ?? (dirname(folder) === folder ? null : findWorkspace(dirname(folder)));
  workspaces.set(folder, found);
  return found;
}

/**
 * @param {string} folder
 * @returns {Workspace | null}
 */
function readWorkspace(folder) {
  const manifest = readManifest(folder);
  if (manifest === null || manifest.name === REPOSITORY_NAME) return null;
  return { name: manifest.name, folder, declared: manifest.declared, tools: rootTools(dirname(folder)) };
}

/**
 * @param {string} folder
 * @returns {ReadonlySet<string>}
 */
function rootTools(folder) {
  const manifest = readManifest(folder);
  if (manifest?.name === REPOSITORY_NAME) return manifest.declared;
  return dirname(folder) === folder ? new Set() : rootTools(dirname(folder));
}

/**
 * @param {string} folder
 * @returns {{ name: string, declared: Set<string> } | null}
 */
function readManifest(folder) {
  const manifest = readJson(join(folder, 'package.json'));
  if (!isRecord(manifest)) return null;
  const declared = DEPENDENCY_FIELDS.flatMap((field) => Object.keys(manifest[field] ?? {}));
  return { name: String(manifest['name']), declared: new Set(declared) };
}
