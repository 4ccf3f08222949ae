import type { Block, Model, Statistic } from '@moepress/core';
import { add, differentiate, GraphBuilder, type GraphIR, reduceSum, rmsNorm } from '@moepress/graph';
import { differentiableAttention } from './attention/differentiable.js';
import { openMoeFfn } from './ffn.js';
import { mlp } from './mlp.js';
import { outputStatistics } from './statistics.js';
import { layerGradients, layerTaps } from './taps.js';
import { weightFor } from './weights.js';

/**
 * One decoder layer backwards, for one sequence: recomputes the block from its input `hidden` [T, H]
 * and turns `gradient`, that of its output, into `gradientOut`, that of its input. Statistics see the
 * gradients; none of them leaves the graph whole. `finite` as in `blockGraph`, of the gradient.
 */
export function blockGradientGraph(
  model: Model,
  block: Block,
  statistics: readonly Statistic[],
  dtype: 'float32' | 'float64' = 'float32',
): GraphIR {
  const { hiddenSize, rmsNormEps } = model.config;
  const graph = new GraphBuilder(`block.${block.index}.backward`);
  const hidden = graph.input('hidden', dtype, ['T', hiddenSize]);
  const gradient = graph.input('gradient', dtype, ['T', hiddenSize]);
  const half = block.attention.rope.dim / 2;
  const angles = { cos: graph.input('cos', dtype, ['T', half]), sin: graph.input('sin', dtype, ['T', half]) };

  const normed = rmsNorm(hidden, weightFor(hidden, block.norms.attention), rmsNormEps);
  const attended = graph.scoped('attention', () =>
    differentiableAttention(normed, block.attention, angles, rmsNormEps),
  );
  const residual = add(hidden, attended);
  const ffnInput = rmsNorm(residual, weightFor(hidden, block.norms.ffn), rmsNormEps);
  const seedFor = (output: typeof ffnInput) => ({ value: add(residual, output), gradient });

  let gradientOut: typeof gradient;
  if (block.ffn.kind === 'dense') {
    const { output } = mlp(ffnInput, block.ffn.mlp);
    gradientOut = differentiate(graph, [seedFor(output)], [hidden]).get(hidden)!;
  } else {
    const { ffn } = block;
    const values = graph.scoped('ffn', () => openMoeFfn(ffnInput, ffn));
    const gradients = layerGradients(seedFor(values.output), hidden, ffnInput, values);
    outputStatistics(graph, statistics, layerTaps(block.index, ffnInput, values, gradients.layer));
    gradientOut = gradients.input;
  }
  graph.output('gradientOut', gradientOut);
  graph.output('finite', reduceSum(gradientOut, [0, 1]));
  return graph.finish();
}
