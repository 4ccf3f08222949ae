import { type DistillationLoss, type Model, throwIfAborted, type Work } from '@moepress/core';
import { topTokensGraph } from '../decoder/loss-graph.js';
import { topTokensLoss } from '../decoder/losses.js';
import type { Session } from '../engine/handles.js';
import { int32, tensor } from '../engine/protocol.js';
import { closing } from '../engine/scope.js';
import type { SessionPool } from '../engine/session-pool.js';
import type { Objective } from './objective.js';
import type { Answer, TeacherAnswers } from './teacher-answers.js';
import { predictedIn, rowStretches, type TrainingBatch, trainingBatches } from './training-batches.js';
import { TrainingForward } from './training-forward.js';

/** Divergence from a teacher of whom the `n` most probable tokens are known, from its `answers`. */
export function topTokens(
  student: Model,
  n: number,
  loss: DistillationLoss,
  answers: TeacherAnswers,
): Objective {
  return {
    rowLoss: topTokensLoss(student, n, loss),
    states: null,
    async prepare({ sequences }) {
      const known = await Promise.all(sequences.map((sequence) => answers.read(sequence)));
      const logprobs = joined(known.map((answer) => answer.logprobs));
      const tokens = BigInt64Array.from(joined(known.map((answer) => answer.tokens)), BigInt);
      const feeds = (begin: number, end: number) => {
        const [from, to, dims] = [begin * n, end * n, [end - begin, n]];
        return {
          topLogprobs: tensor('float32', dims, logprobs.slice(from, to)),
          topTokens: tensor('int64', dims, tokens.slice(from, to)),
        };
      };
      return { feeds, states: null, async free() {} };
    },
  };
}

/** What a teacher is asked. */
export interface Questions extends Work {
  /** The number of most probable tokens. */
  readonly n: number;
  /** Those that are known, and where the others go. */
  readonly answers: TeacherAnswers;
  /** Tokens that go through the teacher together. */
  readonly tokens: number;
  /** Throws if the teacher is another than the answers are kept for. */
  checkUnchanged(): Promise<void>;
}

/**
 * Has the teacher answer for the sequences that have no answer yet, `tokens` of them at a time. `checkUnchanged` throws
 * if the teacher is another than the answers are kept for.
 */
export async function askTeacher(
  sessions: SessionPool,
  { teacher, temperature }: DistillationLoss,
  { n, answers, tokens, checkUnchanged, progress, signal }: Questions,
): Promise<void> {
  const { open } = answers;
  if (open.length === 0) return;
  const keeps = () => false;
  const forward = new TrainingForward(sessions, teacher, { name: 'teacher', keeps, parameters: null });
  const graph = () => topTokensGraph(teacher, n, temperature);
  const answer = async (batch: TrainingBatch) => {
    const states = await forward.run(batch.layout);
    const ask = async (session: Session) => {
      const parts: Answer[] = [];
      for (const [begin, end] of rowStretches(batch, teacher)) {
        const feeds = { hidden: states.final, rows: int32(batch.rows.subarray(begin, end)) };
        const [results] = await states.final.worker.run([{ session, feeds, fetch: ['logprobs', 'tokens'] }]);
        parts.push({
          logprobs: results!.logprobs!.data as Float32Array,
          tokens: results!.tokens!.data as Float32Array,
        });
      }
      return parts;
    };
    return closing(
      () => sessions.with('teacher/top', graph, ask),
      () => states.free(),
    );
  };

  const task = 'Asking the teacher';
  progress?.({ type: 'start', task, total: predictedIn(open), unit: 'tokens' });
  let done = 0;
  try {
    for (const batch of trainingBatches(teacher, open, tokens)) {
      throwIfAborted(signal);
      const parts = await answer(batch);
      const [logprobs, top] = [
        joined(parts.map((part) => part.logprobs)),
        joined(parts.map((part) => part.tokens)),
      ];
      await checkUnchanged();
      let at = 0;
      for (const sequence of batch.sequences) {
        const end = at + predictedIn([sequence]) * n;
        await answers.write(sequence, { logprobs: logprobs.slice(at, end), tokens: top.slice(at, end) });
        at = end;
      }
      done += batch.rows.length;
      progress?.({ type: 'advance', task, done });
    }
  } finally {
    progress?.({ type: 'end', task });
  }
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
