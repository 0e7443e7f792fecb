/** What `npm test` runs, in this order. */

/**
 * @typedef {object} Step
 * @property {string} title
 * @property {'script' | 'vitest'} kind
 * @property {readonly string[]} args - An npm script, or arguments of vitest.
 * @property {number} [limitMs] - For a test that spins: the test runner can only end those that wait.
 * @property {boolean} [needsBuild]
 * @property {boolean} [needsPrograms] - Browsers, a TURN server, and promtool.
 */

const MINUTE_MS = 60_000;
const UNIT_LIMIT_MS = 15 * MINUTE_MS;
/** Tests of real links wait more than they work: three at a time keep two cores busy, and take two thirds of the time of two. */
const UNIT_WORKERS = 3;
/** Of one test that names no limit of its own: it may have to wait for processors that others are using. */
const UNIT_TEST_LIMIT_MS = MINUTE_MS / 2;
const END_TO_END_LIMIT_MS = 60 * MINUTE_MS;

/** @param {string} name @returns {Step} */
const script = (name) => ({ title: name, kind: 'script', args: [name] });

/** @type {ReadonlyMap<string, Step>} */
const STEPS_BEFORE = new Map([
  ['lint', script('lint')],
  ['format', script('format:check')],
  ['typecheck', script('typecheck')],
  ['types', script('types')],
  ['docs', { ...script('docs'), title: 'documentation and its links' }],
]);

/** The workspaces with unit tests, by what `npm test -- core` calls them. */
const UNIT_PROJECTS = new Map([
  ['core', '@casto/core'],
  ['simulator', '@casto/simulator'],
  ['host', '@casto/host'],
  ['browser', 'casto'],
  ['react', '@casto/react'],
  ['react-18', 'casto-react-18'],
  ['nodejs', '@casto/nodejs'],
  ['relay-node', 'casto-relay'],
  ['demo', 'casto-demo'],
  ['docs', 'casto-docs'],
  ['workspace', 'casto-workspace-tools'],
]);

/**
 * @param {string} title
 * @param {string} mode - Of test/vitest.config.ts.
 * @returns {Step}
 */
function endToEnd(title, mode) {
  return {
    title,
    kind: 'vitest',
    args: ['--root', 'test', '--mode', mode],
    limitMs: END_TO_END_LIMIT_MS,
    needsBuild: true,
    needsPrograms: true,
  };
}

/** @type {ReadonlyMap<string, readonly Step[]>} */
const STEPS_AFTER = new Map([
  [
    'e2e',
    [
      endToEnd('end-to-end tests, two at a time', 'light'),
      endToEnd('end-to-end tests, one after another', 'heavy'),
    ],
  ],
  ['size', [{ ...script('size'), needsBuild: true }]],
]);

/** Only by name. @type {ReadonlyMap<string, readonly Step[]>} */
const STEPS_ON_DEMAND = new Map([['long', [endToEnd('end-to-end tests that take long', 'long')]]]);

export const STEP_NAMES = [
  ...new Set([
    ...STEPS_BEFORE.keys(),
    ...UNIT_PROJECTS.keys(),
    ...STEPS_AFTER.keys(),
    ...STEPS_ON_DEMAND.keys(),
  ]),
];

/**
 * @param {readonly string[]} names - Of steps and workspaces; none means all.
 * @returns {Step[]}
 */
export function stepsFor(names) {
  const isWanted = (/** @type {string} */ name) => names.length === 0 || names.includes(name);
  const projects = [...UNIT_PROJECTS]
    .filter(([name]) => isWanted(name))
    .flatMap(([, project]) => ['--project', project]);
  return [
    ...[...STEPS_BEFORE].filter(([name]) => isWanted(name)).map(([, step]) => step),
    ...(projects.length === 0 ? [] : [unitTests(names.length === 0 ? [] : projects)]),
    ...[...STEPS_AFTER].filter(([name]) => isWanted(name)).flatMap(([, steps]) => steps),
    ...[...STEPS_ON_DEMAND].filter(([name]) => names.includes(name)).flatMap(([, steps]) => steps),
  ];
}

/** @param {string[]} projects @returns {Step} */
function unitTests(projects) {
  return {
    title: 'unit tests',
    kind: 'vitest',
    args: [`--maxWorkers=${UNIT_WORKERS}`, `--testTimeout=${UNIT_TEST_LIMIT_MS}`, ...projects],
    limitMs: UNIT_LIMIT_MS,
  };
}
