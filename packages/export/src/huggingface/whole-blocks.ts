import { weightFormats } from '@moepress/checkpoint';
import { type Expert, type Model, moeBlocks, type TensorExpr } from '@moepress/core';
import { padExperts } from './channels.js';
import { type QuantiseChoice, widthStep } from './quantise-scheme.js';
import { quantisedIn } from './quantised.js';

/**
 * The model with channels of zeros up to whole blocks, where experts are quantised in a format that knows no others: an expert
 * of 40 channels becomes one of 64 in MXFP4, and nothing else has to be stored wider. Exact: `padExperts`. So do experts that are
 * quantised as they are written.
 */
export function padToBlocks(model: Model, quantise: QuantiseChoice | undefined): Model {
  const step = moeBlocks(model)
    .flatMap(({ ffn }) => ffn.pool)
    .reduce((most, expert) => Math.max(most, stepOf(expert)), widthStep(quantise));
  return step === 1 ? model : padExperts(model, (width) => Math.ceil(width / step) * step);
}

/** What the width of an expert has to be a multiple of. */
function stepOf({ gate, up, down }: Expert): number {
  const steps = [...(gate ? [stepAlong(gate, 0)] : []), stepAlong(up, 0), stepAlong(down, 1)];
  return Math.max(...steps);
}

function stepAlong(of: TensorExpr, axis: 0 | 1): number {
  const like = quantisedIn(of);
  if (!like) return 1;
  const { steps, transposed } = weightFormats[like.format];
  const own = steps(like);
  return transposed ? own[(1 - axis) as 0 | 1] : own[axis];
}
