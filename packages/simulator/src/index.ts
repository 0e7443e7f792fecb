/** The core's tree, a hundred thousand times over, on a virtual clock. */

export { simulate } from './simulation.ts';
export type * from './world-view.ts';
