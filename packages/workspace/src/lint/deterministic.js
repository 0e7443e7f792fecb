/**
 * Globals that read the world, act on it, or depend on when memory is reclaimed. The type checker already hides
 * most of them from core (`types: []`); `globalThis` and the ones that are part of the language need this rule.
 */
const IMPURE_GLOBALS = new Set(
  `
  Date performance Temporal Intl
  setTimeout setInterval setImmediate clearTimeout clearInterval clearImmediate
  queueMicrotask requestAnimationFrame requestIdleCallback scheduler
  console process Buffer navigator document window self globalThis location
  fetch XMLHttpRequest WebSocket EventSource Worker BroadcastChannel MessageChannel
  crypto localStorage sessionStorage indexedDB caches
  WeakRef FinalizationRegistry eval Function
  `.match(/\w+/g),
);

/**
 * The part of `Math` that ECMA-262 defines to the last bit. The rest (exp, log, pow, sin, hypot ...) is
 * "implementation-approximated": two engines may answer differently, and peers would disagree.
 */
const EXACT_MATH = new Set(
  `
  abs ceil clz32 floor fround imul max min round sign sqrt trunc
  E LN10 LN2 LOG10E LOG2E PI SQRT1_2 SQRT2
  `.match(/\w+/g),
);

/** Methods whose answer depends on the locale of the machine or on its version of Unicode data. */
const LOCALE_METHOD = /^(?:localeCompare|toLocale\w*)$/;

/**
 * The same inputs give the same effects in every engine: no clock, no chance, no I/O, no approximated arithmetic.
 *
 * @type {import('./rule.js').Rule}
 */
export const deterministic = {
  create(context) {
    /** @param {import('./rule.js').Node} node @param {string} message */
    const report = (node, message) => context.report({ node, message });
    return {
      Program: () => {
        for (const node of globalReferences(context)) {
          const message = globalComplaint(node);
          if (message !== null) report(node, message);
        }
      },
      MemberExpression: (node) => {
        const name = memberName(node);
        if (name !== null && LOCALE_METHOD.test(name))
          report(node, `${name} depends on the machine's locale`);
      },
      BinaryExpression: (node) => {
        if (node.operator !== '**' || (isWhole(node.left) && isWhole(node.right))) return;
        report(node, 'engines differ in **: multiply instead');
      },
      AssignmentExpression: (node) => {
        if (node.operator === '**=') report(node, 'engines differ in **=: multiply instead');
      },
    };
  },
};

/**
 * References to what no scope of the file declares, whether or not the linter's settings know such a global.
 *
 * @param {import('./rule.js').Context} context
 * @returns {import('./rule.js').Identifier[]}
 */
function globalReferences({ sourceCode }) {
  const { globalScope } = sourceCode.scopeManager;
  if (globalScope === null) return [];
  const known = globalScope.variables
    .filter(({ defs }) => defs.length === 0)
    .flatMap((one) => one.references);
  return [...new Set([...globalScope.through, ...known])]
    .map(({ identifier }) => identifier)
    .filter((node) => node.type === 'Identifier');
}

/**
 * @param {import('./rule.js').Identifier} node - A reference to a global.
 * @returns {string | null} What is wrong with it, or `null`.
 */
function globalComplaint(node) {
  if (IMPURE_GLOBALS.has(node.name)) return `core must not use ${node.name}: take what it gives as input`;
  if (node.name !== 'Math') return null;
  const { parent } = node;
  const name = parent.type === 'MemberExpression' && parent.object === node ? memberName(parent) : null;
  if (name !== null && EXACT_MATH.has(name)) return null;
  return `of Math, core may use ${[...EXACT_MATH].join(', ')}: engines differ in the rest`;
}

/**
 * @param {Extract<import('./rule.js').Node, { type: 'MemberExpression' }>} member
 * @returns {string | null} The name behind `a.name` and `a['name']`.
 */
function memberName(member) {
  const { property } = member;
  if (property.type === 'Literal') return typeof property.value === 'string' ? property.value : null;
  return !member.computed && property.type === 'Identifier' ? property.name : null;
}

/** @param {import('./rule.js').Node} node - Powers of whole literals, such as 2 ** 32, are the same number everywhere. */
function isWhole(node) {
  return (
    node.type === 'Literal' &&
    typeof node.value === 'number' &&
    Number.isInteger(node.value) &&
    node.value >= 0
  );
}
