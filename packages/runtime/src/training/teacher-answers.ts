import { existsSync, renameSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { asWriteError, makeFolders } from '@moepress/checkpoint';
import { MoepressError, type TrainingSequence } from '@moepress/core';
import { readFloats, writeFloats } from '../engine/tensor-file.js';

/** What a teacher says of a sequence: for each predicted token the n most probable ones there. */
export interface Answer {
  /** [predicted, n], row-major. */
  readonly logprobs: Float32Array;
  /** The tokens they are of. In fp32, which holds whole numbers up to 2^24. */
  readonly tokens: Float32Array;
}

/** A teacher's answers on disk, one file for each sequence. */
export class TeacherAnswers {
  readonly #files: ReadonlyMap<TrainingSequence, string>;
  readonly #n: number;

  private constructor(files: ReadonlyMap<TrainingSequence, string>, n: number) {
    this.#files = files;
    this.#n = n;
  }

  /** `folder` is that of these sequences and this teacher alone. Throws `WRITE_FAILED` if it cannot be made. */
  static async open(
    folder: string,
    sequences: readonly TrainingSequence[],
    n: number,
  ): Promise<TeacherAnswers> {
    await makeFolders(folder);
    const files = sequences.map((sequence, i) => [sequence, join(folder, `${i}.f32`)] as const);
    return new TeacherAnswers(new Map(files), n);
  }

  /** Sequences that have no answer yet. */
  get open(): TrainingSequence[] {
    return [...this.#files].filter(([, file]) => !existsSync(file)).map(([sequence]) => sequence);
  }

  /** Throws `DISK_FULL` or `WRITE_FAILED`. */
  write(sequence: TrainingSequence, { logprobs, tokens }: Answer): void {
    const file = this.#files.get(sequence)!;
    const partial = `${file}.partial-${process.pid}`;
    try {
      writeFloats(partial, [logprobs, tokens]);
      renameSync(partial, file);
    } catch (cause) {
      throw asWriteError(cause, file);
    }
  }

  /** Throws `CHECKPOINT_INVALID` for a damaged file, which it removes. */
  async read(sequence: TrainingSequence): Promise<Answer> {
    const file = this.#files.get(sequence)!;
    const count = (sequence.ids.length - sequence.from) * this.#n;
    try {
      const [logprobs, tokens] = readFloats(file, [count, count]);
      return { logprobs: logprobs!, tokens: tokens! };
    } catch (cause) {
      await rm(file, { force: true });
      throw new MoepressError('CHECKPOINT_INVALID', {
        message: `What the teacher said cannot be read: ${(cause as Error).message}`,
        where: file,
        mend: 'Run the command again: the teacher is asked again.',
        cause,
      });
    }
  }
}
