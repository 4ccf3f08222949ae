import type { Model } from '@moepress/core';
import { nextTokenLoss, type RowLoss } from '../decoder/losses.js';
import type { Feed } from '../engine/protocol.js';
import { tensor } from '../engine/tensor.js';
import type { TrainingBatch } from './batches.js';

/** What a student is held against. */
export interface Objective {
  readonly rowLoss: RowLoss;
  /** The states of a teacher, if those of the student are to be like them. */
  readonly states: TeacherStates | null;
  /** Makes ready what the loss of a batch looks at; yields what its rows [begin, end) are fed. */
  prepare(batch: TrainingBatch): Promise<RowFeeds>;
  /** Forgets what is held for the batch. */
  forget(): Promise<void>;
}

export interface TeacherStates {
  /** What their loss, the mean over the blocks, is multiplied by. */
  readonly weight: number;
  /** Name under which those before block `boundary` are held, or after the last one. */
  held(boundary: number): string;
}

export type RowFeeds = (begin: number, end: number) => Readonly<Record<string, Feed>>;

/** Cross-entropy with the next token. */
export function nextTokens(student: Model): Objective {
  return {
    rowLoss: nextTokenLoss(student),
    states: null,
    async prepare({ targets }) {
      return (begin, end) => {
        const pairs = [...targets.subarray(begin, end)].flatMap((token, row) => [BigInt(row), BigInt(token)]);
        return { pairs: tensor('int64', [end - begin, 2], BigInt64Array.from(pairs)) };
      };
    },
    async forget() {},
  };
}
