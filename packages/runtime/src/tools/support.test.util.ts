import { openModel } from '@moepress/checkpoint';
import { applyLayers, type Criterion, type LayerPlan, type Model, moeBlocks } from '@moepress/core';
import { cast, reduceSum, square, sub } from '@moepress/graph';
import { Engine } from '../engine/engine.js';
import { streamedRun } from '../forward/model-run.js';
import { type Trace, traceSequences } from '../forward/trace.js';
import { fixtures } from '../testing/golden.js';

/** Squared length of the difference. */
export const squaredDistance: Criterion = {
  name: 'squared-distance',
  distanceFrom: (_, reference) => (candidate) =>
    cast(reduceSum(square(sub(candidate, reference)), [1]), 'float64'),
};

/** The same of states [n, H], averaged over the tokens. */
export function meanSquaredDistance(
  reference: ArrayLike<number>,
  candidate: ArrayLike<number>,
  hiddenSize: number,
): number {
  let sum = 0;
  for (let i = 0; i < reference.length; i++) sum += (candidate[i]! - reference[i]!) ** 2;
  return sum / (reference.length / hiddenSize);
}

type Fixture = (typeof fixtures)[number];

const fixture = (family: string): Fixture => fixtures.find(({ name }) => name.startsWith(`${family} `))!;

/** Without shared experts, with gated ones, with plain ones behind a dense layer. */
export const [olmoe, qwen2, deepseek] = ['olmoe', 'qwen2_moe', 'deepseek_v2'].map(fixture) as [
  Fixture,
  Fixture,
  Fixture,
];

export interface Loaded {
  readonly model: Model;
  readonly sequences: readonly (readonly number[])[];
  /** Decoder layers with experts. */
  readonly layers: readonly number[];
}

export async function load({ load }: Fixture): Promise<Loaded> {
  const golden = await load();
  const model = await openModel(golden.model);
  // Of several lengths: a mean over tokens is another than one over sequences.
  const sequences = golden.sequences.map((ids, i) => ids.slice(0, ids.length - 3 * i));
  return { model, sequences, layers: moeBlocks(model).map(({ index }) => index) };
}

/** Each sequence by itself through a view, in an engine of its own. */
export async function traceView({ model, sequences }: Loaded, view: readonly LayerPlan[]): Promise<Trace[]> {
  const engine = new Engine({ workers: 1, threads: 1 });
  try {
    const changed = applyLayers(model, view);
    const traces: Trace[] = [];
    await engine.inScope(async (scope) => {
      const run = streamedRun(engine, scope, changed, () => ({ routing: true }));
      for (const ids of sequences) traces.push(...(await traceSequences(run, [ids])));
    });
    return traces;
  } finally {
    await engine.dispose();
  }
}

/** A layer condensed to some experts with constant weights. */
export function condensed(layer: number, experts: readonly (readonly [number, number])[]): LayerPlan {
  const parts = experts.map(([expert, scale]) => ({ experts: [expert], shares: [1], scale }));
  return { layer, ops: [{ op: 'condense', parts, shared: null, align: 1 }] };
}
