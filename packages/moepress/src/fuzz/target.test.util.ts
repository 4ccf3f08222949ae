import type { Random } from './random.test.util.js';

/** Something that reads what strangers write. */
export interface Target {
  readonly name: string;
  /** Makes what its cases are made from, in an empty folder of their own. */
  prepare(folder: string): Promise<Case>;
}

/** Makes an input, and reads it. Throws what reading it throws. */
export type Case = (random: Random) => Promise<unknown>;
