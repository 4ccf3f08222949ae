import type { Block, Model, Statistic } from '@moepress/core';
import { add, cast, GraphBuilder, type GraphIR, reduceSum, rmsNorm, weight } from '@moepress/graph';
import { attention } from './attention.js';
import { denseFfn, moeFfn, tappedMoeFfn } from './ffn.js';
import { batchInputs } from './inputs.js';
import type { Routing } from './router.js';

/** What a block's graph yields besides the hidden states. */
export interface BlockOutputs {
  /** `routerLogits`, `selected` (int32) and `weights` of an MoE block. */
  readonly routing?: boolean;
  /** Earlier keys and values come in as `pastKey`, `pastValue`; the batch's own go out as `ownKey`, `ownValue`. */
  readonly cache?: boolean;
  /** Sums over the batch's tokens, each named by `statisticOutput`. */
  readonly statistics?: readonly Statistic[];
}

/** Output name of a statistic's sum; no other output has a slash. */
export const statisticOutput = (statistic: Statistic, output: string): string =>
  `${statistic.name}/${output}`;
export const isStatisticOutput = (output: string): boolean => output.includes('/');

/**
 * One decoder layer: `hidden` [T, H] to `hiddenOut` [T, H]. `finite` is the sum of the output: NaN
 * or infinity in any element makes it so too.
 */
export function blockGraph(model: Model, block: Block, outputs: BlockOutputs = {}): GraphIR {
  const { hiddenSize, rmsNormEps } = model.config;
  const graph = new GraphBuilder(`block.${block.index}`);
  const hidden = graph.input('hidden', 'float32', ['T', hiddenSize]);
  const batch = batchInputs(graph, block.attention.rope.dim);
  const past = outputs.cache ? pastInputs(graph, block) : null;

  const attended = graph.scoped('attention', () => {
    const normed = rmsNorm(hidden, weight(graph, block.norms.attention), rmsNormEps);
    return attention(graph, normed, block.attention, batch, past, rmsNormEps);
  });
  const residual = add(hidden, attended.output);
  const normed = rmsNorm(residual, weight(graph, block.norms.ffn), rmsNormEps);
  const ffnOutput = graph.scoped('ffn', () => ffn(graph, normed, block, outputs));
  const hiddenOut = add(residual, ffnOutput);

  graph.output('hiddenOut', hiddenOut);
  graph.output('finite', reduceSum(hiddenOut, [0, 1]));
  if (outputs.cache) {
    graph.output('ownKey', attended.own.key);
    graph.output('ownValue', attended.own.value);
  }
  return graph.finish();
}

function pastInputs(graph: GraphBuilder, { attention: { kvHeads, headDim } }: Block) {
  const shape = ['B', kvHeads, 'past', headDim];
  return { key: graph.input('pastKey', 'float32', shape), value: graph.input('pastValue', 'float32', shape) };
}

function ffn(graph: GraphBuilder, x: ReturnType<typeof rmsNorm>, block: Block, outputs: BlockOutputs) {
  if (block.ffn.kind === 'dense') return denseFfn(graph, x, block.ffn);
  const statistics = outputs.statistics ?? [];
  if (statistics.length === 0) {
    const { output, routing } = moeFfn(graph, x, block.ffn);
    if (outputs.routing) outputRouting(graph, routing);
    return output;
  }
  const { output, routing, taps } = tappedMoeFfn(graph, x, block.ffn, block.index);
  if (outputs.routing) outputRouting(graph, routing);
  for (const statistic of statistics) {
    const sums = graph.scoped(statistic.name, () => statistic.collect(graph, taps));
    for (const [name, value] of Object.entries(sums)) graph.output(statisticOutput(statistic, name), value);
  }
  return output;
}

function outputRouting(graph: GraphBuilder, routing: Routing): void {
  graph.output('routerLogits', routing.logits);
  graph.output('selected', cast(routing.selected, 'int32'));
  graph.output('weights', routing.weights);
}
