import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { decodeFloat32, openModel, readSafetensors } from '@moepress/checkpoint';
import {
  applyLayers,
  applyPlan,
  type CompressionPlan,
  type Criterion,
  createRng,
  type LayerPlan,
  type MethodTools,
  type Model,
  moeBlocks,
  PluginRegistry,
  parseOptions,
} from '@moepress/core';
import { noTools, toyModel } from '@moepress/core/testing';
import { expertHits, GraphBuilder, gateWeightSums } from '@moepress/graph';
import { calibrate, Engine, planCompression, traceModel } from '@moepress/runtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findPlugins } from '../../src/methods/plugin-host.js';

const at = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const engine = new Engine({ workers: 1, threads: 1 });
const registry = new PluginRegistry(findPlugins().installed);
afterAll(() => engine.dispose());

/** A model and texts of several lengths. */
async function load(family: string) {
  const { tensors } = await readSafetensors(at(`runtime/fixtures/${family}.golden.safetensors`));
  const sequences = [0, 1, 2].map((i) => {
    const { file, offset, length } = tensors.get(`s${i}.input_ids`)!;
    const bytes = readFileSync(file).subarray(offset, offset + length);
    return [...new Int32Array(new Uint8Array(bytes).buffer)].slice(0, 20 - 4 * i);
  });
  const model = await openModel(at(`checkpoint/fixtures/${family}`));
  return { model, set: { source: 'golden', seed: 0, sequences } };
}

type Loaded = Awaited<ReturnType<typeof load>>;

async function compress({ model, set }: Loaded, options: object): Promise<CompressionPlan> {
  const method = await registry.find('cd-moe');
  return planCompression(engine, {
    model,
    method,
    options,
    measure: (statistics) => calibrate(engine, { model, set, statistics }),
    calibration: async () => set,
  });
}

/** For each sequence, the states after every block, with those after the final norm last, and the logits. */
async function trace(model: Model, { sequences }: Loaded['set']) {
  const norm = await decodeFloat32(model.finalNorm);
  return (await traceModel(engine, model, sequences)).map(({ hidden, logits }) => {
    const states = hidden.map(({ data }) => data as Float32Array);
    return {
      logits: logits.data as Float32Array,
      states: [...states.slice(1), normed(states.at(-1)!, norm, model.config.rmsNormEps)],
    };
  });
}

type Traces = Awaited<ReturnType<typeof trace>>;

const rowOf = (states: Float32Array, width: number, t: number) => states.subarray(t * width, (t + 1) * width);

function normed(states: Float32Array, norm: Float32Array, epsilon: number): Float32Array {
  const width = norm.length;
  return states.map((value, i) => {
    const row = rowOf(states, width, Math.floor(i / width));
    const square = row.reduce((sum, x) => sum + x * x, 0) / width;
    return (value / Math.sqrt(square + epsilon)) * norm[i % width]!;
  });
}

/** As published: KL divergences to the mean of two softmaxes, 1e-10 added to each argument of a logarithm. */
function jensenShannon(a: Float32Array, b: Float32Array): number {
  const softmax = (row: Float32Array) => {
    const most = row.reduce((x, y) => Math.max(x, y));
    const powers = Float64Array.from(row, (x) => Math.exp(x - most));
    const sum = powers.reduce((x, y) => x + y);
    return powers.map((x) => x / sum);
  };
  const [p, q] = [softmax(a), softmax(b)];
  const divergence = (from: Float64Array) =>
    from.reduce((sum, x, i) => {
      const mean = (p[i]! + q[i]!) / 2;
      return sum + (x + 1e-10) * (Math.log(x + 1e-10) - Math.log(mean + 1e-10));
    }, 0);
  return (divergence(p) + divergence(q)) / 2;
}

const mean = (numbers: readonly number[]) => numbers.reduce((sum, x) => sum + x, 0) / numbers.length;

/** Over tokens, then over sequences; `depth` says after which block, or -1 after the final norm. */
function distance(reference: Traces, view: Traces, depth: number, width: number): number {
  const ofSequence = reference.map(({ states }, s) => {
    const [own, other] = [states.at(depth)!, view[s]!.states.at(depth)!];
    const tokens = Array.from({ length: own.length / width }, (_, t) => t);
    return mean(tokens.map((t) => jensenShannon(rowOf(own, width, t), rowOf(other, width, t))));
  });
  return mean(ofSequence);
}

const condensed = (layer: number, experts: readonly number[], weights: Float64Array): LayerPlan => ({
  layer,
  ops: [
    {
      op: 'condense',
      parts: experts.map((e) => ({ experts: [e], shares: [1], scale: weights[e]! })),
      shared: null,
      align: 1,
    },
  ],
});

/** Adds what is nearest, one after the other, running a view of the model for each attempt. */
async function bruteForce(
  candidates: readonly number[],
  count: number,
  measure: (set: number[]) => Promise<number>,
) {
  const chosen: number[] = [];
  const distances: number[] = [];
  while (chosen.length < count) {
    const rest = candidates.filter((candidate) => !chosen.includes(candidate));
    const tried: number[] = [];
    for (const candidate of rest) tried.push(await measure([...chosen, candidate]));
    const least = Math.min(...tried);
    chosen.push(rest[tried.indexOf(least)]!);
    distances.push(least);
  }
  return { chosen, distances };
}

interface Details {
  readonly order: readonly { readonly layer: number; readonly distance: number }[];
  readonly layers: readonly {
    readonly layer: number;
    readonly experts: readonly number[];
    readonly weights: readonly number[];
    readonly distances: readonly number[];
  }[];
}

/** The criterion that the method hands to its tools. */
async function criterionOf(model: Model): Promise<Criterion> {
  const { compressor } = await registry.find('cd-moe');
  const options = parseOptions(compressor, { condenseLayers: 1, experts: 0 });
  return new Promise((resolve, reject) => {
    const compareViews: MethodTools['compareViews'] = async ({ criterion, views }) => {
      resolve(criterion);
      return { distances: new Float64Array(views.length), blockRuns: 0 };
    };
    const tools = { ...noTools, compareViews };
    compressor.plan({ model, evidence: null, options, rng: createRng(0), tools }).catch(reject);
  });
}

it('measures the published divergence, also where one unit has almost all of the mass', async () => {
  const width = 2048;
  const criterion = await criterionOf(toyModel({ shared: 4 }));
  const graph = new GraphBuilder('criterion');
  const state = (name: string) => graph.input(name, 'float32', ['T', width]);
  graph.output('distance', criterion.distanceFrom(graph, state('reference'))(state('candidate')));
  const rng = createRng(1);
  /** Spread of the units, how far the candidate is, and what one unit stands out by. */
  const tokens = [
    [1, 0.3, 0],
    [3, 1, 0],
    [1, 0.3, 30],
    [1, 3, 60],
    [40, 10, 0],
    [1, 0, 0],
  ] as const;
  const reference = Float32Array.from({ length: tokens.length * width }, (_, i) => {
    const [spread, , peak] = tokens[Math.floor(i / width)]!;
    return spread * (rng.next() - 0.5) + (i % width === 7 ? peak : 0);
  });
  const candidate = reference.map((x, i) => x + tokens[Math.floor(i / width)]![1] * (rng.next() - 0.5));
  const tensor = (data: Float32Array) => ({ dtype: 'float32' as const, dims: [tokens.length, width], data });
  const feeds = { reference: tensor(reference), candidate: tensor(candidate) };
  const [results] = await engine.inScope((scope) =>
    scope.with(graph.finish(), (session) =>
      engine.workers[0]!.run([{ session, feeds, fetch: ['distance'] }]),
    ),
  );
  for (const [t, value] of (results!.distance!.data as Float64Array).entries()) {
    const expected = jensenShannon(rowOf(reference, width, t), rowOf(candidate, width, t));
    expect(Math.abs(value - expected)).toBeLessThan(1e-3 * expected + 1e-6);
  }
});

describe.each(['deepseek_v2', 'qwen2_moe'])('CD-MoE on %s', (family) => {
  const kept = 2;
  let loaded: Loaded;
  let reference: Traces;
  /** Mean routing weights by decoder layer. */
  let weights: Map<number, Float64Array>;
  let plan: CompressionPlan;
  beforeAll(async () => {
    loaded = await load(family);
    reference = await trace(loaded.model, loaded.set);
    const evidence = await calibrate(engine, {
      model: loaded.model,
      set: loaded.set,
      statistics: [expertHits, gateWeightSums],
    });
    weights = new Map(
      evidence.layers.map((layer) => {
        const hits = layer.read(expertHits, 'count');
        const sums = layer.read(gateWeightSums, 'sum');
        return [layer.layer, sums.map((sum, e) => (hits[e]! > 0 ? sum / hits[e]! : 0.06))];
      }),
    );
    plan = await compress(loaded, { condenseLayers: 2, experts: kept });
  });

  const distanceOf = async (changes: readonly LayerPlan[], depth: number) =>
    distance(
      reference,
      await trace(applyLayers(loaded.model, changes), loaded.set),
      depth,
      loaded.model.config.hiddenSize,
    );

  it('finds the experts that trying them one by one in the model finds', async () => {
    for (const own of (plan.details as unknown as Details).layers) {
      const candidates = [...weights.get(own.layer)!.keys()];
      const { chosen, distances } = await bruteForce(candidates, kept, (experts) =>
        distanceOf([condensed(own.layer, experts, weights.get(own.layer)!)], own.layer),
      );
      expect(own.experts).toEqual(chosen);
      for (const [i, expected] of distances.entries()) expect(own.distances[i]! / expected).toBeCloseTo(1, 3);
      for (const [i, e] of chosen.entries()) {
        expect(own.weights[i]).toBeCloseTo(weights.get(own.layer)![e]!, 12);
      }
    }
  });

  it('finds the layers that trying them one by one finds', async () => {
    const { layers, order } = plan.details as unknown as Details;
    const plans = new Map(
      layers.map(({ layer, experts }) => [layer, condensed(layer, experts, weights.get(layer)!)]),
    );
    const { chosen, distances } = await bruteForce([...plans.keys()], 2, (own) =>
      distanceOf(
        own.map((layer) => plans.get(layer)!),
        -1,
      ),
    );
    expect(order.map(({ layer }) => layer)).toEqual(chosen);
    for (const [i, expected] of distances.entries()) {
      expect(order[i]!.distance / expected).toBeCloseTo(1, 3);
    }
    expect(plan.layers).toEqual(chosen.toSorted().map((layer) => plans.get(layer)!));
  });

  it('computes nothing else where no layer is condensed', async () => {
    const untouched = await compress(loaded, { condenseLayers: 0 });
    const [same] = await trace(applyPlan(loaded.model, untouched), loaded.set);
    expect(untouched.layers).toEqual([]);
    expect(same!.logits).toEqual(reference[0]!.logits);
  });

  it('measures on the calibration set without any statistic', async () => {
    const bare = await compress(loaded, { condenseLayers: 1, experts: 0 });
    expect(bare.calibration).toEqual(plan.calibration);
    expect((bare.details as unknown as Details).layers.every(({ experts }) => experts.length === 0)).toBe(
      true,
    );
  });

  it('fits weights that leave less over than the means do', async () => {
    const fitted = await compress(loaded, {
      layers: [moeBlocks(loaded.model)[0]!.index],
      experts: 4,
      weights: 'least-squares',
    });
    const [{ residual }] = (fitted.details as { layers: { residual: { before: number; after: number } }[] })
      .layers as [{ residual: { before: number; after: number } }];
    expect(residual.after).toBeLessThan(residual.before);
    expect(residual.after).toBeGreaterThan(0);
  });
});
