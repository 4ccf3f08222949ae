import { makeTemporary } from '@moepress/checkpoint';
import type { MoepressError } from '@moepress/core';
import { isWriteError } from '../evidence/write-error.js';

/** Prefix of temporary folders that training goes on in. */
const trainingPrefix = 'moepress-training-';

/**
 * A folder for what training cannot do without, once the one it should be kept in takes nothing more. It goes with this
 * process: the next run of any training removes it.
 */
export class Elsewhere {
  readonly #giveUp: ((error: MoepressError) => void) | undefined;
  #path: Promise<string> | undefined;

  /** `giveUp` is told why nothing more is kept; without it what is refused is thrown. */
  constructor(giveUp: ((error: MoepressError) => void) | undefined) {
    this.#giveUp = giveUp;
  }

  /** Whether it is in use. */
  get isNeeded(): boolean {
    return this.#path !== undefined;
  }

  /** The path of the folder instead of one that a disk refused with `error`; throws any other error. */
  async instead(error: unknown): Promise<string> {
    if (!this.#giveUp || !isWriteError(error)) throw error;
    if (this.#path === undefined) this.#giveUp(error);
    this.#path ??= makeTemporary(trainingPrefix).then(
      ({ path }) => path,
      () => {
        throw error;
      },
    );
    return this.#path;
  }
}
