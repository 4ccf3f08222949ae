import { fileURLToPath } from 'node:url';
import { decodeFloat32, openModel } from '@moepress/checkpoint';
import {
  type CalibrationSet,
  type Evidence,
  type ExpertStatistic,
  layerEvidence,
  type Mlp,
  type Model,
  moeBlocks,
  type Statistic,
} from '@moepress/core';
import { cast } from '@moepress/graph';
import { calibrate } from '@moepress/runtime';
import { usualEngine } from '../toys/engines.js';

/** Models of two families that come with the repository: softmax with a shared expert, and softmax over the chosen ones. */
export const families = ['qwen2_moe', 'mixtral'] as const;

/** What the experts of a layer compute for one token, in plain loops over the checkpoint's numbers. */
export interface PlainToken {
  /** The state that the layer's output is added to, and what router and experts see, [H] each. */
  readonly residual: Float64Array;
  readonly input: Float64Array;
  /** Softmax of the router's logits, [N]. */
  readonly probabilities: Float64Array;
  /** Weights of all experts, 0 for those that were not chosen, [N]. */
  readonly weights: Float64Array;
  /** The channels' activations and the output of every expert, chosen or not: [N][I] and [N][H]. */
  readonly activations: readonly Float64Array[];
  readonly outputs: readonly Float64Array[];
}

export interface PlainLayer {
  readonly layer: number;
  readonly topK: number;
  readonly normalise: boolean;
  readonly experts: number;
  readonly tokens: readonly PlainToken[];
  /** Down projections of the experts, [H, I] row-major. */
  readonly down: readonly Float32Array[];
  /** All parameters of each expert, one after the other. */
  readonly parameters: readonly Float64Array[];
  /** Router rows, [N, H]. */
  readonly router: Float32Array;
}

/** One sequence, so that it is one batch whose values can be looked at. */
const ids = [3, 17, 40, 9, 101, 64, 5, 33, 77, 12, 90, 2, 55, 21, 8, 70, 41, 13];
export const plainSet: CalibrationSet = { source: 'acceptance', seed: 0, sequences: [ids] };

/** The states themselves instead of sums of them: for one batch, what a second implementation starts from. */
const states: ExpertStatistic = {
  name: 'states',
  version: 1,
  pass: 'forward',
  collect: (_, { residual, ffnInput }) => ({
    residual: cast(residual!, 'float64'),
    input: cast(ffnInput, 'float64'),
  }),
};

export interface Measured {
  readonly model: Model;
  readonly evidence: Evidence;
  readonly layers: readonly PlainLayer[];
}

/** What plain loops compute, by family: it is always the same. */
const known = new Map<string, Promise<readonly PlainLayer[]>>();

/** Statistics of a model of the repository, beside what plain loops compute for the same tokens. */
export async function measurePlainly(
  family: string,
  needs: (model: Model) => readonly Statistic[],
): Promise<Measured> {
  const folder = fileURLToPath(new URL(`../../../checkpoint/fixtures/${family}`, import.meta.url));
  const model = await openModel(folder);
  const asked = { model, set: plainSet, statistics: [...needs(model), states] };
  const evidence = await calibrate(usualEngine(), asked);
  const layers =
    known.get(family) ?? Promise.all(moeBlocks(model).map((block) => plainLayer(block, evidence)));
  known.set(family, layers);
  return { model, evidence, layers: await layers };
}

async function plainLayer(
  { index, ffn }: ReturnType<typeof moeBlocks>[number],
  evidence: Evidence,
): Promise<PlainLayer> {
  const layer = layerEvidence(evidence, index);
  const router = await decodeFloat32(ffn.router.weight);
  const experts = await Promise.all(ffn.pool.map(plainWeights));
  const [residuals, inputs] = ['residual', 'input'].map((name) => layer.read(states, name));
  const width = router.length / experts.length;
  const { topK, normalise } = ffn.router;
  const tokens = ids.map((_, t): PlainToken => {
    const input = inputs!.subarray(t * width, (t + 1) * width);
    const probabilities = softmax(product(router, input));
    const parts = experts.map((weights) => throughExpert(weights, input));
    return {
      residual: residuals!.subarray(t * width, (t + 1) * width),
      input,
      probabilities,
      weights: routed(probabilities, { topK, normalise }),
      activations: parts.map(({ activation }) => activation),
      outputs: parts.map(({ output }) => output),
    };
  });
  const down = experts.map((weights) => weights.down);
  const parameters = experts.map((own) => Float64Array.from([...own.gate, ...own.up, ...own.down]));
  return { layer: index, topK, normalise, experts: experts.length, tokens, down, parameters, router };
}

interface PlainWeights {
  readonly gate: Float32Array;
  readonly up: Float32Array;
  readonly down: Float32Array;
}

async function plainWeights({ gate, up, down }: Mlp): Promise<PlainWeights> {
  const [g, u, d] = await Promise.all([gate!, up, down].map((tensor) => decodeFloat32(tensor)));
  return { gate: g!, up: u!, down: d! };
}

function throughExpert({ gate, up, down }: PlainWeights, x: Float64Array) {
  const raised = product(up, x);
  const activation = product(gate, x).map((z, i) => (z / (1 + Math.exp(-z))) * raised[i]!);
  return { activation, output: product(down, activation) };
}

/** W x for W [out, in]. */
export function product(weights: ArrayLike<number>, x: Float64Array): Float64Array {
  return Float64Array.from({ length: weights.length / x.length }, (_, row) =>
    x.reduce((sum, value, i) => sum + value * weights[row * x.length + i]!, 0),
  );
}

function softmax(logits: Float64Array): Float64Array {
  const most = Math.max(...logits);
  const powers = logits.map((z) => Math.exp(z - most));
  const sum = powers.reduce((total, value) => total + value, 0);
  return powers.map((value) => value / sum);
}

/** The weights of the top-k of `probabilities`, 0 elsewhere, [N]; of those that `among` names, whose softmax is taken. */
export function routed(
  probabilities: Float64Array,
  { topK, normalise }: Pick<PlainLayer, 'topK' | 'normalise'>,
  among: readonly number[] = [...probabilities.keys()],
): Float64Array {
  const chosen = [...among].sort((a, b) => probabilities[b]! - probabilities[a]!).slice(0, topK);
  const whole = (normalise ? chosen : among).reduce((sum, e) => sum + probabilities[e]!, 0);
  return probabilities.map((p, e) => (chosen.includes(e) ? p / whole : 0));
}

export const lengthOf = (vector: Float64Array): number => Math.sqrt(dot(vector, vector));

export const dot = (a: Float64Array, b: Float64Array): number =>
  a.reduce((sum, value, i) => sum + value * b[i]!, 0);

/** Σ w v over the vectors that have a weight. */
export function weightedSum(weights: ArrayLike<number>, vectors: readonly Float64Array[]): Float64Array {
  const sum = new Float64Array(vectors[0]?.length ?? 0);
  for (const [e, vector] of vectors.entries()) {
    for (const [i, value] of vector.entries()) sum[i]! += weights[e]! * value;
  }
  return sum;
}
