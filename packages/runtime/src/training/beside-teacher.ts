import type { DistillationLoss, Model } from '@moepress/core';
import { teacherLoss } from '../decoder/losses.js';
import type { SessionPool } from '../engine/session-pool.js';
import { TrainingForward } from './forward.js';
import type { Objective } from './objective.js';

/** Divergence from a teacher that runs beside the student, on the same batches. */
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
