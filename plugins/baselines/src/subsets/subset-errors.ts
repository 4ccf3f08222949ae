import type { ExpertStatistic, LayerTaps, MoeFfn, Value } from '@moepress/core';
import {
  cast,
  concat,
  div,
  matmul,
  mul,
  plusNumber,
  reduceSum,
  scatterAdd,
  squeeze,
  sub,
  sumOverTokens,
  timesNumber,
  topK,
  transposeLast,
  unsqueeze,
  zeroRows,
} from '@moepress/graph';

/** The most experts of a layer of which all subsets are tried. */
export const mostExhaustive = 16;

/** All sets of `count` of `n` experts, each ascending, in lexical order. */
export function subsetsOf(n: number, count: number): number[][] {
  if (count === 0) return [[]];
  const subsets: number[][] = [];
  const extend = (chosen: readonly number[], from: number): void => {
    if (chosen.length === count) subsets.push([...chosen]);
    else for (let e = from; e <= n - (count - chosen.length); e++) extend([...chosen, e], e + 1);
  };
  extend([], 0);
  return subsets;
}

/** Whether what a router would choose among some experts follows from the scores of all of them alone. */
export function isPlainRouter({ router, slots, latent }: MoeFfn): boolean {
  return (
    router.groups === null &&
    router.selectionBias === null &&
    router.mixerThreshold === undefined &&
    !router.slotScales &&
    router.weighs !== 'input' &&
    !latent &&
    slots.every((expert, slot) => expert === slot)
  );
}

export interface SubsetsOfLayers {
  ffnOf(layer: number): MoeFfn;
  /** How many experts the subsets of a layer have. */
  keptOf(layer: number): number;
}

/**
 * `errors` [subsets]: for each subset of a layer's experts, in the order of `subsetsOf`, the squared
 * error of the routed output if the router chose among these alone, ||y - y_S||_2^2 over all tokens. With w [N] and w_S [N] the
 * weights of all experts before and after it is dᵀ F d for d = w - w_S and the Gram matrix F [N, N] of their outputs on a token.
 */
export function subsetErrors(name: string, { ffnOf, keptOf }: SubsetsOfLayers): ExpertStatistic {
  return {
    name,
    version: 1,
    pass: 'all-experts',
    collect: (graph, taps) => {
      const { router } = ffnOf(taps.layer);
      const n = taps.experts.length;
      const subsets = subsetsOf(n, keptOf(taps.layer));
      const outputs = concat(
        taps.experts.map(({ output }) => unsqueeze(output, 1)),
        1,
      );
      const gram = matmul(outputs, transposeLast(outputs));
      const before = concat(
        taps.experts.map(({ weight }) => unsqueeze(weight, 1)),
        1,
      );
      const flags = subsets.flatMap((kept) => Array.from({ length: n }, (_, e) => Number(kept.includes(e))));
      const masks = graph.constant(flags, [subsets.length, n], 'float32');
      const [errors] = graph.scan(masks, (mask) => {
        const difference = unsqueeze(sub(before, weightsAmong(taps, mask, router)), 1);
        const squares = mul(matmul(difference, gram), difference);
        return [squeeze(sumOverTokens(reduceSum(squares, [1, 2])), 0)];
      });
      return { errors: errors! };
    },
  };
}

/** The routing weights if only the experts that `mask` [N] marks were there, [T, N]. */
function weightsAmong(
  { probabilities, selected }: LayerTaps,
  mask: Value,
  { normalise, scoring, scale }: MoeFfn['router'],
): Value {
  const among = mul(probabilities, mask);
  const { values, indices } = topK(among, Number(selected.shape[1]));
  // A softmax over fewer experts is the same scores over their sum; sigmoids stay what they are.
  const whole = normalise ? values : scoring === 'softmax' ? among : null;
  const shares = whole ? div(values, plusNumber(reduceSum(whole, [1], true), leastSum)) : values;
  const weights = scale === 1 ? shares : timesNumber(shares, scale);
  return scatterAdd(zeroRows(among, Number(mask.shape[0])), indices, cast(weights, 'float32'), 1);
}

/** Keeps scores that have all underflowed from being 0 / 0. */
const leastSum = 1e-20;
