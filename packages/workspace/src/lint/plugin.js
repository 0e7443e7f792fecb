import { deterministic } from './deterministic.js';
import { importDirection } from './import-direction.js';

/** @type {Record<string, import('./rule.js').Rule>} */
const rules = { 'import-direction': importDirection, deterministic };

// oxlint reads a plugin from its default export.
export default { meta: { name: 'casto' }, rules };
