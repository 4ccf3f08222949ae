import type { DistillationLoss, Model, Value } from '@moepress/core';
import {
  clip,
  concat,
  exp,
  gather,
  gatherElements,
  gatherNd,
  linear,
  log,
  mul,
  neg,
  plusNumber,
  reduceLogSumExp,
  reduceMean,
  reduceSum,
  square,
  sub,
  timesNumber,
} from '@moepress/graph';
import { capped, finalNormed } from './lm-head.js';
import { weightFor } from './weights.js';

/**
 * What a row of states costs. `own` [R, H] are the rows `rows` int32 [R] of the states; whatever else it
 * looks at it declares as inputs. Yields [R]. Differentiable in `own` and in what the student learns.
 */
export type RowLoss = (own: Value, rows: Value) => Value;

/** How the distributions of teacher and student are compared. */
export type DivergenceOptions = Pick<DistillationLoss, 'direction' | 'temperature'>;

/** Final norm and head, [R, H] to [R, vocabulary]. */
export function logitsOf(own: Value, model: Model): Value {
  const bias = model.headBias ? weightFor(own, model.headBias) : null;
  const x = finalNormed(own, model);
  const logits = own.graph.exactly(() => linear(x, weightFor(own, model.head), bias));
  return capped(logits, model.config);
}

/** Cross-entropy; `pairs` int64 [R, 2] say (row, next token). */
export const nextTokenLoss =
  (model: Model): RowLoss =>
  (own) => {
    const logits = logitsOf(own, model);
    const pairs = own.graph.input('pairs', 'int64', ['R', 2]);
    return sub(reduceLogSumExp(logits, [1]), gatherNd(logits, pairs));
  };

/** Divergence from a teacher whose final states are `teacher` [T, H']. */
export const teacherLoss =
  (model: Model, teacher: Model, comparison: DivergenceOptions): RowLoss =>
  (own, rows) => {
    const { graph } = own;
    const states = graph.input('teacher', 'float32', ['T', teacher.config.hiddenSize]);
    const { temperature } = comparison;
    return divergence(
      logSoftmax(logitsOf(gather(states, rows), teacher), temperature),
      logSoftmax(logitsOf(own, model), temperature),
      comparison,
    );
  };

/**
 * Divergence from a teacher of whom the `n` most probable tokens are known, `topTokens` int64 [R, n] and
 * their log-probabilities `topLogprobs` [R, n]; all others count as one.
 */
export const topTokensLoss =
  (model: Model, n: number, comparison: DivergenceOptions): RowLoss =>
  (own) => {
    const { graph } = own;
    const tokens = graph.input('topTokens', 'int64', ['R', n]);
    const known = graph.input('topLogprobs', own.dtype, ['R', n]);
    const all = logSoftmax(logitsOf(own, model), comparison.temperature);
    return divergence(withRest(known), withRest(gatherElements(all, tokens, 1)), comparison);
  };

/** Mean squared difference from the teacher's states `teacher` [T, H] at the same place. */
export const stateLoss: RowLoss = (own, rows) => {
  const states = own.graph.input('teacher', 'float32', ['T', own.shape[1]!]);
  return reduceMean(square(sub(own, gather(states, rows))), [1]);
};

/** Log-probabilities at a temperature, along the last axis. */
export function logSoftmax(logits: Value, temperature: number): Value {
  const softened = temperature === 1 ? logits : timesNumber(logits, 1 / temperature);
  return sub(softened, reduceLogSumExp(softened, [1], true));
}

/**
 * t² KL(T || S), or t² KL(S || T), of distributions over the last axis given by their logarithms (Hinton,
 * Vinyals and Dean 2015, section 2, for t²).
 */
export function divergence(
  teacher: Value,
  student: Value,
  { direction, temperature }: DivergenceOptions,
): Value {
  const [p, q] = direction === 'forward' ? [teacher, student] : [student, teacher];
  return timesNumber(reduceSum(mul(exp(p), sub(p, q)), [1]), temperature ** 2);
}

/** What rounding leaves of the rest's probability when there is none. */
const leastRest = 1e-6;

/** Log-probabilities [R, n] with that of all other tokens together beside them, [R, n + 1]. */
function withRest(logprobs: Value): Value {
  const rest = plusNumber(neg(reduceSum(exp(logprobs), [1], true)), 1);
  return concat([logprobs, log(clip(rest, leastRest, 1))], 1);
}
