/** Toy layers with made-up weights, run token by token in plain loops: what the statistics must come out as. */
import {
  buildPlan,
  type CompressionPlan,
  type CondenseOp,
  createRng,
  type Evidence,
  type MethodTools,
  type Mlp,
  type Model,
  type MoeFfn,
  moeBlocks,
  parseOptions,
  type TensorExpr,
} from '@moepress/core';
import {
  randomWeights,
  type ToyNumbers,
  type ToyWeights,
  toyEvidence,
  toyTools,
} from '@moepress/core/testing';
import { moeToDense } from './compressor.js';

/** The values of any expression over toy weights, row-major. */
export function valuesOf(expr: TensorExpr, weights: ToyWeights): Float64Array {
  const [height = 1, width = 1] = expr.shape;
  switch (expr.kind) {
    case 'stored':
      return weights(expr);
    case 'zeros':
      return new Float64Array(height * width);
    case 'sum': {
      const terms = expr.of.map((term) => valuesOf(term, weights));
      return terms[0]!.map((_, at) => terms.reduce((sum, term, i) => sum + expr.factors[i]! * term[at]!, 0));
    }
    case 'concat': {
      const parts = expr.of.map((part) => ({ columns: part.shape[1]!, values: valuesOf(part, weights) }));
      if (expr.axis === 0) return Float64Array.from(parts.flatMap(({ values }) => [...values]));
      const rows = Array.from({ length: height }, (_, row) =>
        parts.flatMap(({ columns, values }) => [...values.subarray(row * columns, (row + 1) * columns)]),
      );
      return Float64Array.from(rows.flat());
    }
    default:
      throw new Error(`Toy weights know no ${expr.kind}().`);
  }
}

type Vector = readonly number[];

/** W x, W [out, in]. */
function times(matrix: TensorExpr, x: Vector, weights: ToyWeights): number[] {
  const values = valuesOf(matrix, weights);
  return Array.from({ length: matrix.shape[0]! }, (_, row) =>
    x.reduce((sum, value, column) => sum + value * values[row * x.length + column]!, 0),
  );
}

const sigmoid = (z: number) => 1 / (1 + Math.exp(-z));

export function runMlp({ gate, up, down }: Mlp, x: Vector, weights: ToyWeights): number[] {
  const lifted = times(up, x, weights);
  const activation = times(gate!, x, weights).map((z, i) => z * sigmoid(z) * lifted[i]!);
  return times(down, activation, weights);
}

/** The router's result for a token: scores of all slots, and the weights of those it selects, 0 for the others. */
function route({ router }: MoeFfn, x: Vector, weights: ToyWeights) {
  const exponentials = times(router.weight, x, weights).map(Math.exp);
  const total = exponentials.reduce((sum, e) => sum + e, 0);
  const probabilities = exponentials.map((e) => e / total);
  const best = [...probabilities.keys()]
    .sort((a, b) => probabilities[b]! - probabilities[a]!)
    .slice(0, router.topK);
  const sum = router.normalise ? best.reduce((all, slot) => all + probabilities[slot]!, 0) : 1;
  const selected = new Set(best);
  return {
    logits: times(router.weight, x, weights),
    probabilities,
    selected,
    weights: probabilities.map((p, slot) => (selected.has(slot) ? (router.scale * p) / sum : 0)),
  };
}

export const gateOf = (gate: TensorExpr, x: Vector, weights: ToyWeights): number =>
  sigmoid(times(gate, x, weights)[0]!);

/** Σ g f, without the shared expert. */
export function runRouted(ffn: MoeFfn, x: Vector, weights: ToyWeights): number[] {
  const routed = route(ffn, x, weights);
  const outputs = ffn.slots.map((entry) => runMlp(ffn.pool[entry]!, x, weights));
  return outputs[0]!.map((_, h) =>
    outputs.reduce((sum, output, slot) => sum + routed.weights[slot]! * output[h]!, 0),
  );
}

const dot = (a: Vector, b: Vector) => a.reduce((sum, value, i) => sum + value * b[i]!, 0);

/** All statistics of a layer whose slots are its experts, over some tokens. */
function measured(ffn: MoeFfn, tokens: readonly Vector[], weights: ToyWeights): ToyNumbers {
  const routes = tokens.map((x) => route(ffn, x, weights));
  const outputs = ffn.pool.map((expert) => tokens.map((x) => runMlp(expert, x, weights)));
  const sums = tokens.map((x) => runRouted(ffn, x, weights));
  const perExpert = (of: (expert: number, token: number) => number) =>
    ffn.pool.map((_, e) => tokens.reduce((sum, _x, t) => sum + of(e, t), 0));
  const pairs = (of: (a: number, b: number, token: number) => number) =>
    ffn.pool.flatMap((_, a) => ffn.pool.map((_e, b) => tokens.reduce((sum, _x, t) => sum + of(a, b, t), 0)));
  const chosen = (e: number, t: number) => (routes[t]!.selected.has(e) ? 1 : 0);
  const length = (e: number, t: number) => Math.sqrt(dot(outputs[e]![t]!, outputs[e]![t]!));
  return {
    'expert-hits': { count: perExpert(chosen) },
    'gate-weight-sums': { sum: perExpert((e, t) => routes[t]!.weights[e]!) },
    'gated-output-norms': { sum: perExpert((e, t) => routes[t]!.weights[e]! * length(e, t)) },
    'probability-sums': {
      selected: perExpert((e, t) => chosen(e, t) * routes[t]!.probabilities[e]!),
      all: perExpert((e, t) => routes[t]!.probabilities[e]!),
    },
    'squared-norms-on-all-tokens': { sum: perExpert((e, t) => length(e, t) ** 2) },
    'output-gram': { gram: pairs((a, b, t) => dot(outputs[a]![t]!, outputs[b]![t]!)) },
    'routed-sum-products': {
      products: perExpert((e, t) => dot(outputs[e]![t]!, sums[t]!)),
      square: [sums.reduce((sum, y) => sum + dot(y, y), 0)],
    },
    'router-logit-gram': { gram: pairs((a, b, t) => routes[t]!.logits[a]! * routes[t]!.logits[b]!) },
    'joint-selections': { counts: pairs((a, b, t) => chosen(a, t) * chosen(b, t)) },
  };
}

/** Evidence of a toy model, every layer of which sees the same tokens. */
export function evidenceOf(model: Model, tokens: readonly Vector[], weights = randomWeights): Evidence {
  const blocks = moeBlocks(model);
  const layers = blocks.map(({ index, ffn }) => [index, measured(ffn, tokens, weights)]);
  const gates = blocks.flatMap(({ index, ffn }) => {
    if (!ffn.shared?.gate) return [];
    const sum = tokens.reduce((all, x) => all + gateOf(ffn.shared!.gate!, x, weights), 0);
    return [[index, { 'shared-gate-sums': { sum: [sum], count: [tokens.length] } }]];
  });
  const { calibration, layers: measuredLayers } = toyEvidence(Object.fromEntries(layers));
  return {
    calibration: { ...calibration, tokens: tokens.length },
    layers: measuredLayers,
    mlps: toyEvidence(Object.fromEntries(gates)).layers,
    attention: [],
  };
}

export function randomTokens(count: number, width: number, seed = 0): Vector[] {
  const rng = createRng(seed);
  return Array.from({ length: count }, () => Array.from({ length: width }, () => 4 * rng.next() - 2));
}

/** Distances between views are not measured but always 0.5. */
const tools = (weights = randomWeights): MethodTools => ({
  ...toyTools(weights),
  compareViews: async ({ views }) => ({ distances: Float64Array.from(views, () => 0.5), blockRuns: 0 }),
});

/** The plan for a toy model, with the options it was made with. */
export async function condensed(
  model: Model,
  given: object,
  { tokens = randomTokens(24, model.config.hiddenSize), weights = randomWeights } = {},
): Promise<CompressionPlan> {
  const options = parseOptions(moeToDense, given);
  moeToDense.needs(model, options);
  const evidence = evidenceOf(model, tokens, weights);
  const decision = await moeToDense.plan({
    model,
    evidence,
    options,
    rng: createRng(0),
    tools: tools(weights),
  });
  const origin = { package: '@moepress/plugin-moe-to-dense', version: '0.0.0' };
  const { calibration } = evidence;
  return buildPlan({ model, compressor: moeToDense, origin, options, calibration, decision });
}

/** The effect of a plan on each layer. */
export const condenseOps = ({ layers }: CompressionPlan): CondenseOp[] =>
  layers.flatMap(({ ops }) => ops.filter((op) => op.op === 'condense'));
