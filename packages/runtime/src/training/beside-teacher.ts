import type { DistillationLoss, Model } from '@moepress/core';
import { teacherLoss } from '../decoder/losses.js';
import { Ascent } from './ascent.js';
import type { Objective } from './objective.js';
import type { Sessions } from './sessions.js';

/** Divergence from a teacher that runs beside the student, on the same batches. */
export function besideTeacher(sessions: Sessions, student: Model, loss: DistillationLoss): Objective {
  const { teacher, hiddenStates } = loss;
  const ascent = new Ascent(sessions, teacher, 'teacher', () => hiddenStates > 0);
  return {
    rowLoss: teacherLoss(student, teacher, loss),
    states: hiddenStates === 0 ? null : { weight: hiddenStates, held: (boundary) => ascent.states(boundary) },
    async prepare({ layout }) {
      await ascent.climb(layout);
      return () => ({ teacher: { held: ascent.final } });
    },
    forget: () => ascent.forget(),
  };
}
