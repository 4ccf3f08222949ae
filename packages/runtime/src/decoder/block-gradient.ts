import type { Block, Model, Statistic, Value } from '@moepress/core';
import { add, differentiate, GraphBuilder, type GraphIR, reduceSum, rmsNorm } from '@moepress/graph';
import { type Angles, differentiableAttention } from './attention/differentiable.js';
import { openMoeFfn } from './ffn.js';
import { mlp } from './mlp.js';
import { outputStatistics } from './statistics.js';
import { layerGradients, layerTaps } from './taps.js';
import { weightFor } from './weights.js';

/** One decoder layer on one sequence, `hidden` [T, H], in operators that have derivatives. */
export function differentiableBlock(model: Model, block: Block, hidden: Value, angles: Angles) {
  const graph = hidden.graph as GraphBuilder;
  const { rmsNormEps } = model.config;
  const { attention, norms } = block;
  const normed = rmsNorm(hidden, weightFor(hidden, norms.attention), rmsNormEps);
  const attended = graph.scoped('attention', () =>
    differentiableAttention(normed, attention, angles, rmsNormEps),
  );
  const residual = add(hidden, attended);
  const ffnInput = rmsNorm(residual, weightFor(hidden, norms.ffn), rmsNormEps);
  const { ffn } = block;
  const moe = ffn.kind === 'moe' ? graph.scoped('ffn', () => openMoeFfn(ffnInput, ffn)) : null;
  const output = ffn.kind === 'moe' ? moe!.output : graph.scoped('ffn', () => mlp(ffnInput, ffn.mlp).output);
  return { ffnInput, moe, hiddenOut: add(residual, output) };
}

/**
 * A decoder layer backwards, for one sequence: recomputes the block from its input `hidden` [T, H]
 * and turns `gradient`, that of its output, into `gradientOut`, that of its input. Statistics see the
 * gradients; none of them leaves the graph whole. `finite` as in `blockGraph`, of the gradient.
 */
export function blockGradientGraph(model: Model, block: Block, statistics: readonly Statistic[]): GraphIR {
  const { hiddenSize } = model.config;
  const graph = new GraphBuilder(`block.${block.index}.backward`);
  const hidden = graph.input('hidden', 'float32', ['T', hiddenSize]);
  const gradient = graph.input('gradient', 'float32', ['T', hiddenSize]);
  const half = block.attention.rope.dim / 2;
  const angles = {
    cos: graph.input('cos', 'float32', ['T', half]),
    sin: graph.input('sin', 'float32', ['T', half]),
  };
  const { ffnInput, moe, hiddenOut } = differentiableBlock(model, block, hidden, angles);
  const seed = { value: hiddenOut, gradient };

  let gradientOut: Value;
  if (moe) {
    const gradients = layerGradients(seed, hidden, ffnInput, moe);
    outputStatistics(graph, statistics, layerTaps(block.index, ffnInput, moe, gradients.layer));
    gradientOut = gradients.input;
  } else {
    gradientOut = differentiate(graph, [seed], [hidden]).get(hidden)!;
  }
  graph.output('gradientOut', gradientOut);
  graph.output('finite', reduceSum(gradientOut, [0, 1]));
  return graph.finish();
}
