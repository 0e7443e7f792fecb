/**
 * oxlint keeps the name of a rule's type to itself; its rule tester takes one.
 *
 * @typedef {Parameters<import('oxlint/plugins-dev').RuleTester['run']>[1]} Rule
 * @typedef {Parameters<NonNullable<Extract<Rule, { create: unknown }>['create']>>[0]} Context
 * @typedef {Parameters<Context['sourceCode']['isGlobalReference']>[0]} Node
 * @typedef {Extract<Node, { type: 'Identifier' }>} Identifier
 */

/** Makes this file a module, so that its types can be imported. */
export const RULE_TYPES = null;
