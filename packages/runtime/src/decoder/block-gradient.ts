import {
  type Block,
  hasAttention,
  hasFfn,
  type Model,
  type Recurrence,
  type Statistic,
  type Value,
} from '@moepress/core';
import { builderOf, GraphBuilder, type GraphIR, reduceSum } from '@moepress/graph';
import { ropeFor } from '../tokens/ropes.js';
import { differentiableAttention, type Tokens } from './attention/differentiable.js';
import { chunkInputs } from './delta-rule/chunks.js';
import { type FfnValues, openFfn, partsOf } from './ffn.js';
import { tableInputs } from './inputs.js';
import { chunkLengthOf, mixed, windowOf } from './recurrence/mixer.js';
import { attentionInput, ffnInputOf, withBranch } from './residual.js';
import { outputStatistics } from './statistics.js';
import { blockGradients, blockTaps } from './taps.js';

/** One decoder layer, `hidden` [T, H], in operators that have derivatives. */
export function differentiableBlock(
  model: Pick<Model, 'config'>,
  block: Block,
  hidden: Value,
  tokens: Tokens,
) {
  const { graph } = hidden;
  const { config } = model;
  const attended = graph.scoped('attention', () => {
    if (block.attention.kind === 'none') return null;
    const x = attentionInput(hidden, block, model);
    if (hasAttention(block)) return differentiableAttention(x, block.attention, tokens, config);
    const spec = block.attention as Recurrence;
    const chunks = chunkInputs(builderOf(graph), windowOf(spec), chunkLengthOf(spec));
    return mixed(x, spec, { chunks, epsilon: config.rmsNormEps, differentiable: true }).output;
  });
  const residual = attended ? withBranch(hidden, attended, { part: 'attention', block, model }) : hidden;
  if (!hasFfn(block)) {
    const none: FfnValues = { routed: null, mlp: null, outputGate: null, output: residual };
    return { residual, ffnInput: residual, ffn: none, hiddenOut: residual };
  }
  const ffnInput = ffnInputOf({ came: hidden, residual }, block, model);
  const ffn = graph.scoped('ffn', () =>
    openFfn(ffnInput, block.ffn, { weighted: 'activation', parts: partsOf(block, model) }),
  );
  const hiddenOut = withBranch(residual, ffn.output, { part: 'ffn', block, model });
  return { residual, ffnInput, ffn, hiddenOut };
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
  const angles = tableInputs(graph, ropeFor(block, model));
  const { residual, ffnInput, ffn, hiddenOut } = differentiableBlock(model, block, hidden, angles);
  const gradients = blockGradients({ value: hiddenOut, gradient }, hidden, ffnInput, ffn);
  graph.output('gradientOut', gradients.input, { onDevice: true });
  graph.output('finite', reduceSum(gradients.input, [0, 1]));
  // Last, since the engine computes what the last output depends on first: the rest of an expert's values is then
  // freed sooner than if all experts' derivatives came before the first statistic.
  outputStatistics(graph, statistics, blockTaps(block.index, { residual, ffnInput }, ffn, gradients));
  return graph.finish();
}
