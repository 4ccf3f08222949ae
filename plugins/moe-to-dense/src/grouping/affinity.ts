import type { LayerEvidence, MethodTools, MoeFfn, Statistic, Work } from '@moepress/core';
import { jointSelections, outputGram, routerLogitGram } from '@moepress/graph';

/** The source of the experts' vectors. */
export interface AffinityContext extends Work {
  readonly layer: LayerEvidence;
  readonly ffn: MoeFfn;
  readonly tools: MethodTools;
}

/** The similarity of experts: inner products of their vectors, for all pairs of `experts`, row-major. */
export interface Affinity {
  readonly needs: readonly Statistic[];
  /** `experts` are indices in the pool. */
  products(experts: readonly number[], context: AffinityContext): Promise<Float64Array>;
}

/** Inner products of the weights of gate, where there is one, up and down together, which are read for this. */
const weights: Affinity = {
  needs: [],
  async products(experts, { ffn: { pool }, tools, progress, signal }) {
    const sum = new Float64Array(experts.length ** 2);
    for (const projection of ['gate', 'up', 'down'] as const) {
      const tensors = experts.flatMap((expert) => pool[expert]![projection] ?? []);
      if (tensors.length === 0) continue;
      for (const [i, product] of (await tools.gram(tensors, { progress, signal })).entries())
        sum[i]! += product;
    }
    return sum;
  },
};

/** Inner products of the outputs on all tokens. */
const outputs: Affinity = {
  needs: [outputGram],
  products: async (experts, { layer }) => among(layer.read(outputGram, 'gram'), experts),
};

/** Inner products of the router's logits over the tokens (as M-SMoE compares experts, arXiv:2310.01334). */
const router: Affinity = {
  needs: [routerLogitGram],
  products: async (experts, { layer, ffn: { slots } }) =>
    among(
      layer.read(routerLogitGram, 'gram'),
      experts.map((expert) => slots.indexOf(expert)),
    ),
};

/** Inner products of the indicators of selection: the cosine of two experts is their joint count over the root of their counts. */
const coActivation: Affinity = {
  needs: [jointSelections],
  products: async (experts, { layer, ffn: { slots } }) =>
    among(
      layer.read(jointSelections, 'counts'),
      experts.map((expert) => slots.indexOf(expert)),
    ),
};

export const affinities = { weights, outputs, router, 'co-activation': coActivation } as const;

/** Rows and columns of a square matrix. */
function among(matrix: Float64Array, indices: readonly number[]): Float64Array {
  const n = Math.sqrt(matrix.length);
  return Float64Array.from(indices.flatMap((i) => indices.map((j) => matrix[i * n + j]!)));
}

/** 1 - cosine of every pair, in [0, 2]; 1 for a vector of zeros, 0 on the diagonal. */
export function cosineDistances(products: Float64Array): Float64Array {
  const n = Math.sqrt(products.length);
  return products.map((product, at) => {
    const [i, j] = [Math.floor(at / n), at % n];
    if (i === j) return 0;
    const lengths = Math.sqrt(products[i * n + i]! * products[j * n + j]!);
    return lengths > 0 ? 1 - Math.min(1, Math.max(-1, product / lengths)) : 1;
  });
}
