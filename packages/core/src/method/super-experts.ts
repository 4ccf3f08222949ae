import type { LayerEvidence } from '../evidence/evidence.js';
import type { ExpertStatistic } from '../evidence/statistic.js';
import type { Graph, Value } from '../evidence/symbolic.js';

/** `max` [pool]: the largest absolute component of an expert's outputs over the tokens routed to it; 0 without any. */
export const outputMaxima: ExpertStatistic = {
  name: 'output-maxima',
  version: 1,
  pass: 'forward',
  maxima: ['max'],
  collect: (graph, { experts }) => {
    const largest = experts.map(({ output }) => largestOf(graph, output));
    const all = graph.op('Concat', largest, { shape: [experts.length], attributes: { axis: 0 } });
    return { max: graph.op('Cast', [all], { dtype: 'float64', shape: all.shape, attributes: { to: 11 } }) };
  },
};

/** max |output| of [n, H], [1]; a row of zeros stands in where there is no token. */
function largestOf(graph: Graph, output: Value): Value {
  const width = Number(output.shape[1]);
  const sizes = graph.op('Abs', [output], { shape: output.shape });
  const zeros = graph.constant(new Array<number>(width).fill(0), [1, width], output.dtype);
  const padded = graph.op('Concat', [sizes, zeros], {
    shape: [`${output.shape[0]}+1`, width],
    attributes: { axis: 0 },
  });
  const axes = graph.constant([0, 1], [2], 'int64');
  const most = graph.op('ReduceMax', [padded, axes], { shape: [], attributes: { keepdims: 0 } });
  return graph.op('Reshape', [most, graph.constant([1], [1], 'int64')], { shape: [1] });
}

/** The share of all experts of which the maxima lie below those of super experts, and how far from the largest they may be. */
const [quantile, times] = [0.995, 10];
/** Super experts are those of the first layers: where hidden states shrink again, large outputs mean something else. */
const depth = 0.75;

/**
 * The super experts of each layer (arXiv:2507.23279): those whose largest output exceeds both the 99.5th percentile of all experts
 * of the model and a tenth of the largest of all. The paper looks at the layers that make massive activations; as its released
 * code we take the first three quarters of the MoE layers, rounded up here. `layers` are in depth order, and so are the sets, of indices in the pool.
 */
export function superExperts(layers: readonly LayerEvidence[]): ReadonlySet<number>[] {
  const maxima = layers.map((layer) => layer.read(outputMaxima, 'max'));
  const all = Float64Array.from(maxima.flatMap((own) => [...own])).sort();
  const limit = Math.max(percentile(all), (all.at(-1) ?? 0) / times);
  return maxima.map(
    (own, l) =>
      new Set(
        [...own.keys()].filter((expert) => l < Math.ceil(depth * layers.length) && own[expert]! > limit),
      ),
  );
}

/** Between the two values that stand next to it, as numpy interpolates. */
function percentile(sorted: Float64Array): number {
  const place = quantile * (sorted.length - 1);
  const [low, high] = [sorted[Math.floor(place)]!, sorted[Math.ceil(place)]!];
  return low + (high - low) * (place - Math.floor(place));
}
