import type { DistillationLoss, Model } from '@moepress/core';
import { nextTokenLoss, type RowLoss, teacherLoss } from '../decoder/losses.js';
import type { Feeds } from '../engine/handles.js';
import { tensor } from '../engine/protocol.js';
import type { SessionPool } from '../engine/session-pool.js';
import type { TrainingBatch } from './training-batches.js';
import { type ForwardStates, TrainingForward } from './training-forward.js';

/** The target that a student is compared with. */
export interface Objective {
  readonly rowLoss: RowLoss;
  /** How much the states of a teacher count for, if those of the student are to be like them. */
  readonly states: { readonly weight: number } | null;
  /** Prepares the data that the loss of a batch needs. */
  prepare(batch: TrainingBatch): Promise<PreparedLoss>;
}

/** The data that the loss of a batch needs. */
export interface PreparedLoss {
  /** What its rows [begin, end) are fed. */
  feeds(begin: number, end: number): Feeds;
  /** The states of a teacher, if those of the student are to be like them. */
  readonly states: Pick<ForwardStates, 'at'> | null;
  free(): Promise<void>;
}

/** Cross-entropy with the next token. */
export function nextTokens(student: Model): Objective {
  return {
    rowLoss: nextTokenLoss(student),
    states: null,
    async prepare({ targets }) {
      const feeds = (begin: number, end: number) => {
        const pairs = [...targets.subarray(begin, end)].flatMap((token, row) => [BigInt(row), BigInt(token)]);
        return { pairs: tensor('int64', [end - begin, 2], BigInt64Array.from(pairs)) };
      };
      return { feeds, states: null, async free() {} };
    },
  };
}

/** Divergence from a teacher that runs together with the student, on the same batches. */
export function besideTeacher(sessions: SessionPool, student: Model, loss: DistillationLoss): Objective {
  const { teacher, hiddenStates } = loss;
  const keeps = () => hiddenStates > 0;
  const forward = new TrainingForward(sessions, teacher, { name: 'teacher', keeps, parameters: null });
  return {
    rowLoss: teacherLoss(student, teacher, loss),
    states: hiddenStates === 0 ? null : { weight: hiddenStates },
    async prepare({ layout }) {
      const states = await forward.run(layout);
      return { feeds: () => ({ teacher: states.final }), states, free: () => states.free() };
    },
  };
}
