import type { Block, Model, MoeFfn, Statistic } from '@moepress/core';
import {
  add,
  cast,
  equal,
  GraphBuilder,
  type GraphIR,
  gather,
  mul,
  nonZero,
  unsqueeze,
  zeroRows,
} from '@moepress/graph';
import { backFromExperts, type ExpertValues, partsOf, seenByExperts, withShared } from './ffn.js';
import { mlp } from './mlp.js';
import { route } from './router/route.js';
import { outputStatistics } from './statistics.js';
import { blockTaps } from './taps.js';

/**
 * Every expert on every one of the tokens `rows` int32 [C] of `ffnInput` [T, H]; the outputs are the
 * sums of the statistics alone. Experts' taps cover all C tokens, with weight 0 where not routed.
 */
export function allExpertsGraph(
  model: Model,
  block: Block & { readonly ffn: MoeFfn },
  statistics: readonly Statistic[],
): GraphIR {
  const graph = new GraphBuilder(`block.${block.index}.all-experts`);
  const input = graph.input('ffnInput', 'float32', ['T', model.config.hiddenSize]);
  const x = gather(input, graph.input('rows', 'int32', ['C']));
  const routing = route(x, block.ffn);
  const slot = (index: number) => graph.constant([index], [], 'int64');
  const parts = partsOf(block, model);
  const seen = seenByExperts(x, block.ffn, parts);
  const { pool, slots, router } = block.ffn;
  const experts = pool.map((expert, e): ExpertValues => {
    const weight = routing.weightsOf(e);
    const tokens = nonZero(cast(equal(weight, weight), 'float32'), 'C');
    const factor = unsqueeze(weight, 1);
    if (router.weighs === 'input') {
      // As it would be if it had been chosen, from its first slot: its score is what its input would weigh.
      const score = unsqueeze(gather(routing.probabilities, slot(slots.indexOf(e)), 1), 1);
      const values = graph.scoped(`expert.${e}`, () => mlp(mul(seen, score), expert));
      const isHit = unsqueeze(routing.hits(e), 1);
      return { tokens, weight, weighted: mul(values.output, isHit), outputWeight: isHit, ...values };
    }
    const values = graph.scoped(`expert.${e}`, () => mlp(seen, expert));
    return { tokens, weight, weighted: mul(values.output, factor), outputWeight: factor, ...values };
  });
  const sum = experts.reduce(
    (total, { weighted }) => add(total, weighted),
    zeroRows(x, Number(seen.shape[1])),
  );
  const output = backFromExperts(sum, block.ffn);
  const values = {
    routed: { routing, experts, output },
    ...withShared(output, x, block.ffn.shared, parts),
  };
  outputStatistics(graph, statistics, blockTaps(block.index, { residual: null, ffnInput: x }, values));
  return graph.finish();
}
