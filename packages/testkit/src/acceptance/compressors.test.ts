import {
  type Compressor,
  createRng,
  decodeChannels,
  decodeNumbers,
  dropLowest,
  type LayerOp,
  type Model,
  moeBlocks,
  parseOptions,
  registerBudgets,
} from '@moepress/core';
import { outputGram } from '@moepress/graph';
import { camera, grape, mone, naee, reap, stun } from '@moepress/plugin-baselines';
import { engineTools } from '@moepress/runtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { closeEngines, usualEngine } from '../toys/engines.js';
import {
  dot,
  families,
  lengthOf,
  type Measured,
  measurePlainly,
  type PlainLayer,
  routed,
  weightedSum,
} from './plain-moe.test.util.js';

afterAll(closeEngines);

const sum = (numbers: readonly number[]) => numbers.reduce((total, value) => total + value, 0);
const difference = (a: Float64Array, b: Float64Array) => a.map((value, i) => value - b[i]!);
const upTo = (n: number) => [...Array(n).keys()];

/** What is tried, in the order of the tests below. */
const tried = {
  naee: [naee, { ratio: 0.25 }],
  greedy: [naee, { ratio: 0.5, exhaustive: false }],
  stun: [stun, { ratio: 0.5 }],
  mone: [mone, { ratio: 0.5 }],
  camera: [camera, { ratio: 0.4, maximum: 0.3 }],
} as unknown as Readonly<Record<string, readonly [Compressor, object]>>;

const measurements = new Map<string, Promise<Measured>>();

/** All that the methods ask for, measured once for each family. */
function measuredOf(family: string): Promise<Measured> {
  const needs = (model: Model) => [
    ...Object.values(tried).flatMap(([method, given]) => method.needs(model, parseOptions(method, given))),
    ...reap.needs,
    outputGram,
  ];
  const measured = measurements.get(family) ?? measurePlainly(family, needs);
  measurements.set(family, measured);
  return measured;
}

async function planOf(compressor: Compressor, given: object, { model, evidence }: Measured) {
  const options = parseOptions(compressor, given);
  const tools = engineTools(usualEngine(), () => Promise.reject(new Error('No tokens are wanted.')));
  const { layers } = await compressor.plan({ model, evidence, options, rng: createRng(0), tools });
  return layers;
}

/** What a method decides of a model, by layer, beside what plain loops compute. */
async function decide(name: keyof typeof tried, family = 'qwen2_moe') {
  const [compressor, given] = tried[name]!;
  const measured = await measuredOf(family);
  const layers = await planOf(compressor, given, measured);
  return { measured, ops: new Map<number, LayerOp>(layers.map(({ layer, ops }) => [layer, ops[0]!])) };
}

const keptIn = (op: LayerOp | undefined) => (op?.op === 'keep-experts' ? [...op.experts] : []);

/** All sets of `count` of some items, by recursion over the first. */
const choose = (items: readonly number[], count: number): number[][] =>
  count === 0
    ? [[]]
    : items.flatMap((item, i) => choose(items.slice(i + 1), count - 1).map((rest) => [item, ...rest]));

describe('decisions, beside plain loops', () => {
  it.each(families)('NAEE keeps the subset with the smallest error of the output of %s', async (family) => {
    const { measured, ops } = await decide('naee', family);
    for (const layer of measured.layers) {
      const error = (kept: readonly number[]) =>
        sum(
          layer.tokens.map(({ probabilities, weights, outputs }) => {
            const among = routed(probabilities, layer, kept);
            return lengthOf(difference(weightedSum(weights, outputs), weightedSum(among, outputs))) ** 2;
          }),
        );
      const subsets = choose(upTo(layer.experts), layer.experts - Math.floor(layer.experts / 4));
      const errors = subsets.map(error);
      const best = errors.indexOf(Math.min(...errors));
      expect(keptIn(ops.get(layer.layer))).toEqual(subsets[best]);
    }
  });

  it('NAEE lets experts leave one by one where it is told to', async () => {
    const { measured, ops } = await decide('greedy');
    for (const layer of measured.layers) {
      const missing = (gone: readonly number[]) =>
        sum(
          layer.tokens.map(({ weights, outputs }) => {
            const left = weights.map((weight, e) => (gone.includes(e) ? weight : 0));
            return lengthOf(weightedSum(left, outputs)) ** 2;
          }),
        );
      const gone: number[] = [];
      while (gone.length < Math.floor(layer.experts / 2)) {
        const left = upTo(layer.experts).filter((e) => !gone.includes(e));
        gone.push(left.reduce((best, e) => (missing([...gone, e]) <= missing([...gone, best]) ? e : best)));
      }
      expect(keptIn(ops.get(layer.layer))).toEqual(upTo(layer.experts).filter((e) => !gone.includes(e)));
    }
  });

  it('STUN keeps of each cluster of router rows the expert closest to its mean', async () => {
    const { measured, ops } = await decide('stun');
    for (const layer of measured.layers) {
      const width = layer.router.length / layer.experts;
      const row = (e: number) => Float64Array.from(layer.router.subarray(e * width, (e + 1) * width));
      const apart = (a: number, b: number) => lengthOf(difference(row(a), row(b)));
      let clusters = upTo(layer.experts).map((e) => [e]);
      while (clusters.length > Math.ceil(layer.experts / 2)) {
        const pairs = choose(upTo(clusters.length), 2).map(([a, b]) => {
          const far = Math.max(...clusters[a!]!.flatMap((x) => clusters[b!]!.map((y) => apart(x, y))));
          return { a: a!, b: b!, far };
        });
        const { a, b } = pairs.reduce((best, pair) => (pair.far < best.far ? pair : best));
        const joined = [...clusters[a]!, ...clusters[b]!];
        clusters = [...clusters.filter((_, c) => c !== a && c !== b), joined];
      }
      const kept = clusters.map((cluster) => {
        const members = cluster.map((e) => Float64Array.from(layer.parameters[e]!));
        const mean = weightedSum(new Array(members.length).fill(1 / members.length), members);
        const far = members.map((member) => lengthOf(difference(member, mean)));
        // Two members lie equally far from their mean: then the first stays.
        const least = Math.min(...far);
        return Math.min(...cluster.filter((_, i) => far[i]! <= least * (1 + 1e-9)));
      });
      expect(keptIn(ops.get(layer.layer))).toEqual(kept.sort((a, b) => a - b));
    }
  });

  it('MoNE puts mean outputs in the place of experts that are little used and vary little', async () => {
    const { measured, ops } = await decide('mone');
    for (const layer of measured.layers) {
      const routedTo = upTo(layer.experts).map((e) =>
        layer.tokens.filter(({ weights }) => weights[e]! > 0).map(({ outputs }) => outputs[e]!),
      );
      const means = routedTo.map((own) => weightedSum(new Array(own.length).fill(1 / own.length), own));
      const scores = routedTo.map((own, e) => {
        const squares = own.map((output) => lengthOf(difference(output, means[e]!)) ** 2);
        return own.length < 2 ? 0 : own.length * Math.sqrt(sum(squares) / (own.length - 1));
      });
      const order = upTo(layer.experts).sort((a, b) => scores[a]! - scores[b]! || b - a);
      const gone = order.slice(0, Math.floor(layer.experts / 2)).sort((a, b) => a - b);
      const op = ops.get(layer.layer);
      const replaced = op?.op === 'replace-by-constant' ? op.experts : [];
      expect(replaced.map(({ expert }) => expert)).toEqual(gone);
      for (const { expert, values } of replaced) {
        for (const [i, value] of decodeNumbers(values).entries())
          expect(value).toBeCloseTo(means[expert]![i] ?? 0, 5);
      }
    }
  });

  it('CAMERA keeps the channels with the largest energies of a layer', async () => {
    const { measured, ops } = await decide('camera');
    for (const layer of measured.layers) {
      const energies = upTo(layer.experts).flatMap((e) => {
        const width = layer.tokens[0]!.activations[e]!.length;
        return upTo(width).map((j) => {
          const column = Float64Array.from(
            { length: layer.down[e]!.length / width },
            (_, i) => layer.down[e]![i * width + j]!,
          );
          const squares = layer.tokens.map(
            ({ weights, activations }) => (weights[e]! * activations[e]![j]!) ** 2,
          );
          const energy = dot(column, column) * (0.7 * sum(squares) + 0.3 * Math.max(...squares));
          return { e, j, energy };
        });
      });
      const order = energies.toSorted((a, b) => b.energy - a.energy);
      const stays = order.slice(0, order.length - Math.floor(order.length * 0.4));
      const op = ops.get(layer.layer);
      const masks = op?.op === 'keep-channels' ? op.channels : [];
      for (const [e, mask] of masks.entries()) {
        const own = stays.filter((channel) => channel.e === e).map(({ j }) => j);
        const width = layer.tokens[0]!.activations[e]!.length;
        expect([...decodeChannels(mask, width, 'the plan')]).toEqual(own.sort((a, b) => a - b));
      }
      expect(masks).toHaveLength(layer.experts);
    }
  });
});

describe('GRAPE', () => {
  let measured: Measured;
  beforeAll(async () => {
    registerBudgets([grape], { package: 'test', version: '0' });
    measured = await measuredOf('qwen2_moe');
  });

  it('takes steps where outputs resemble each other most', async () => {
    const { model, layers } = measured;
    const plans = await planOf(
      dropLowest(reap) as Compressor,
      { ratio: 0.5, budget: { name: 'grape', entropy: 0 } },
      measured,
    );
    const kept = new Map(plans.map(({ layer, ops }) => [layer, keptIn(ops[0]).length]));
    const cosine = ({ tokens }: PlainLayer, a: number, b: number) => {
      const product = (x: number, y: number) =>
        sum(tokens.map(({ outputs }) => dot(outputs[x]!, outputs[y]!)));
      return product(a, b) / Math.sqrt(product(a, a) * product(b, b));
    };
    const score = (layer: PlainLayer, e: number) => {
      const own = layer.tokens.filter(({ weights }) => weights[e]! > 0);
      return own.length === 0
        ? 0
        : sum(own.map(({ weights, outputs }) => weights[e]! * lengthOf(outputs[e]!))) / own.length;
    };
    const left = layers.map(({ experts }) => upTo(experts));
    for (let step = 0; step < sum(layers.map(({ experts }) => Math.floor(experts / 2))); step++) {
      const pairs = layers.flatMap((layer, l) =>
        left[l]!.length <= layer.topK
          ? []
          : choose(left[l]!, 2).map(([a, b]) => ({ l, a: a!, b: b!, alike: cosine(layer, a!, b!) })),
      );
      const { l, a, b } = pairs.reduce((best, pair) => (pair.alike > best.alike ? pair : best));
      const gone = score(layers[l]!, a) < score(layers[l]!, b) ? a : b;
      left[l] = left[l]!.filter((e) => e !== gone);
    }
    const counts = moeBlocks(model).map(({ index, ffn }) => kept.get(index) ?? ffn.pool.length);
    expect(counts).toEqual(left.map((own) => own.length));
  });

  it('keeps layers even when asked to', async () => {
    const layers = await planOf(
      dropLowest(reap) as Compressor,
      { ratio: 0.5, budget: { name: 'grape', entropy: 1 } },
      measured,
    );
    expect(new Set(layers.map(({ ops }) => keptIn(ops[0]).length)).size).toBe(1);
  });
});
