import type { Block, Model, Statistic, Value } from '@moepress/core';
import {
  add,
  cast,
  GraphBuilder,
  type GraphIR,
  groupQueryAttention,
  reduceSum,
  rmsNorm,
} from '@moepress/graph';
import { type DeviceTraits, traitsOf } from '../devices/traits.js';
import { fusedAttention } from './attention/fused.js';
import { cachedDimOf } from './attention/heads.js';
import { plainAttention } from './attention/plain.js';
import { present } from './attention/present.js';
import { moeFfn, openFfn } from './ffn.js';
import { batchInputs } from './inputs.js';
import type { Routing } from './router/route.js';
import { outputStatistics } from './statistics.js';
import { blockTaps } from './taps.js';
import { weightFor } from './weights.js';

/** What a block's graph yields besides the hidden states. */
export interface BlockOutputs {
  /** `routerLogits`, `selected` (int32) and `weights` of an MoE block. */
  readonly routing?: boolean;
  /**
   * Earlier keys and values come in as `pastKey`, `pastValue`. The batch's own go out as `ownKey`, `ownValue`, or all
   * of them as `presentKey`, `presentValue` where they may stay on the device.
   */
  readonly cache?: boolean;
  /** `ffnInput` [T, H]: what router and experts see. */
  readonly ffnInput?: boolean;
  /** Sums over the batch's tokens, each named by `statisticOutput`. */
  readonly statistics?: readonly Statistic[];
}

/**
 * One decoder layer: `hidden` [T, H] to `hiddenOut` [T, H]. `finite` is the sum of the output: NaN
 * or infinity in any element makes it so too. `traits` are those of the device it is for, the processor by default.
 */
export function blockGraph(
  model: Model,
  block: Block,
  outputs: BlockOutputs = {},
  traits: DeviceTraits = traitsOf.cpu,
): GraphIR {
  const { hiddenSize, rmsNormEps } = model.config;
  const graph = new GraphBuilder(`block.${block.index}`);
  const hidden = graph.input('hidden', 'float32', ['T', hiddenSize]);
  const batch = batchInputs(graph, block.attention.rope.dim);
  const past = outputs.cache ? pastInputs(graph, block) : null;

  const attended = graph.scoped('attention', () => {
    const normed = rmsNorm(hidden, weightFor(hidden, block.norms.attention), rmsNormEps);
    return fusedAttention(normed, block.attention, batch, past, rmsNormEps, attentions[traits.attention]);
  });
  const residual = add(hidden, attended.output);
  const ffnInput = rmsNorm(residual, weightFor(hidden, block.norms.ffn), rmsNormEps);
  const ffnOutput = graph.scoped('ffn', () =>
    ffn(graph, ffnInput, block, { ...outputs, branches: traits.branches }),
  );
  const hiddenOut = add(residual, ffnOutput);

  if (outputs.ffnInput) graph.output('ffnInput', ffnInput, { onDevice: true });
  graph.output('hiddenOut', hiddenOut, { onDevice: true });
  graph.output('finite', reduceSum(hiddenOut, [0, 1]));
  if (past && traits.keepsOutputs) {
    const { key, value } = present(past, attended.own, batch);
    graph.output('presentKey', key, { onDevice: true });
    graph.output('presentValue', value, { onDevice: true });
  } else if (past) {
    graph.output('ownKey', attended.own.key);
    graph.output('ownValue', attended.own.value);
  }
  return graph.finish();
}

const attentions = { fused: groupQueryAttention, plain: plainAttention } as const;

function pastInputs(graph: GraphBuilder, { attention }: Block) {
  const shape = ['B', attention.kvHeads, 'past', cachedDimOf(attention)];
  return {
    key: graph.input('pastKey', 'float32', shape),
    value: graph.input('pastValue', 'float32', shape),
  };
}

function ffn(
  graph: GraphBuilder,
  x: Value,
  block: Block,
  { routing, statistics = [], branches }: BlockOutputs & Pick<DeviceTraits, 'branches'>,
): Value {
  if (block.ffn.kind === 'moe' && statistics.length === 0 && branches) {
    const values = moeFfn(x, block.ffn);
    if (routing) outputRouting(graph, values.routing);
    return values.output;
  }
  const values = openFfn(x, block.ffn);
  if (routing && values.routed) outputRouting(graph, values.routed.routing);
  outputStatistics(graph, statistics, blockTaps(block.index, x, values));
  return values.output;
}

function outputRouting(graph: GraphBuilder, routing: Routing): void {
  graph.output('routerLogits', routing.logits);
  graph.output('selected', cast(routing.selected, 'int32'));
  graph.output('weights', routing.weights);
}
