import { closeSync, existsSync, openSync, renameSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { asWriteError, lockDescriptor, makeFolders, newPartial, sweepPartials } from '@moepress/checkpoint';
import type { TokenSequence } from '@moepress/core';
import { MoepressError } from '@moepress/core';
import { readFloats, writeFloatsTo } from '../engine/tensor-file.js';
import type { Elsewhere } from './elsewhere.js';

/** The teacher's predictions for a sequence: for each predicted token its n most probable tokens. */
export interface Answer {
  /** [predicted, n], row-major. */
  readonly logprobs: Float32Array;
  /** The tokens they are of. In fp32, which holds whole numbers up to 2^24. */
  readonly tokens: Float32Array;
}

/** A teacher's answers on disk, one file for each sequence. */
export class TeacherAnswers {
  readonly #files: Map<TokenSequence, string>;
  readonly #n: number;
  readonly #elsewhere: Elsewhere;

  private constructor(files: Map<TokenSequence, string>, n: number, elsewhere: Elsewhere) {
    this.#files = files;
    this.#n = n;
    this.#elsewhere = elsewhere;
  }

  /** `folder` is that of these sequences and this teacher alone. Throws `WRITE_FAILED` if it cannot be made. */
  static async open(
    folder: string,
    sequences: readonly TokenSequence[],
    n: number,
    elsewhere: Elsewhere,
  ): Promise<TeacherAnswers> {
    await makeFolders(folder);
    await sweepPartials(folder);
    const files = sequences.map((sequence, i) => [sequence, join(folder, `${i}.f32`)] as const);
    return new TeacherAnswers(new Map(files), n, elsewhere);
  }

  /** Sequences that have no answer yet. */
  get open(): TokenSequence[] {
    return [...this.#files].filter(([, file]) => !existsSync(file)).map(([sequence]) => sequence);
  }

  /** Throws `DISK_FULL` or `WRITE_FAILED`, unless answers may be kept elsewhere. */
  async write(sequence: TokenSequence, answer: Answer): Promise<void> {
    const file = this.#files.get(sequence)!;
    try {
      this.#write(file, answer);
    } catch (error) {
      const instead = join(await this.#elsewhere.instead(error), basename(file));
      this.#write(instead, answer);
      this.#files.set(sequence, instead);
    }
  }

  #write(file: string, { logprobs, tokens }: Answer): void {
    const partial = newPartial(file);
    try {
      const target = openSync(partial, 'wx');
      try {
        // So that another run, which may ask the same teacher, tells it from what a dead one left.
        lockDescriptor(target);
        writeFloatsTo(target, [logprobs, tokens]);
        renameSync(partial, file);
      } finally {
        closeSync(target);
      }
    } catch (cause) {
      rmSync(partial, { force: true });
      throw asWriteError(cause, file);
    }
  }

  /** Throws `CHECKPOINT_INVALID` for a damaged file, which it removes. */
  async read(sequence: TokenSequence): Promise<Answer> {
    const file = this.#files.get(sequence)!;
    const count = (sequence.ids.length - sequence.from) * this.#n;
    try {
      const [logprobs, tokens] = readFloats(file, [count, count]);
      return { logprobs: logprobs!, tokens: tokens! };
    } catch (cause) {
      await rm(file, { force: true });
      throw new MoepressError('CHECKPOINT_INVALID', {
        message: `The stored predictions of the teacher cannot be read: ${(cause as Error).message}`,
        where: file,
        hint: 'Run the command again: the teacher will compute them again.',
        cause,
      });
    }
  }
}
