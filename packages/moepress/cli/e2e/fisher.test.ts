import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { decodeFloat32, openModel, readSafetensors } from '@moepress/checkpoint';
import {
  applyPlan,
  cols,
  concat,
  decodeChannels,
  type Evidence,
  type Expert,
  type ExpertStatistic,
  type Model,
  moeBlocks,
  PluginRegistry,
  removedRatios,
  rows,
  type TensorExpr,
  type Value,
  zeros,
} from '@moepress/core';
import { cast, mul, reduceSum, reshape, rowPerExpert } from '@moepress/graph';
import { calibrate, Engine, planCompression, traceModel } from '@moepress/runtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findPlugins } from '../../src/methods/plugin-host.js';
import { channelStatistics as scores } from '../../src/statistics/measure-channels.js';

const families = [
  ['olmoe', 'olmoe'],
  ['qwen2_moe', 'qwen2_moe'],
  ['qwen3_moe', 'qwen3_moe_sharded'],
  ['mixtral', 'mixtral'],
  ['deepseek', 'deepseek'],
  ['deepseek_v2', 'deepseek_v2'],
  ['deepseek_v3', 'deepseek_v3'],
  ['gpt_oss', 'gpt_oss'],
] as const;

const at = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const engine = new Engine({ workers: 1, threads: 1 });
const registry = new PluginRegistry(findPlugins().installed);
afterAll(() => engine.dispose());

/** A model with the references of transformers and torch. */
async function load(family: string, folder: string) {
  const { tensors } = await readSafetensors(at(`runtime/fixtures/${family}.golden.safetensors`));
  const ids = [0, 1, 2].map((i) => {
    const { file, offset, length } = tensors.get(`s${i}.input_ids`)!;
    const bytes = readFileSync(file).subarray(offset, offset + length);
    return [...new Int32Array(new Uint8Array(bytes).buffer)];
  });
  const golden = (name: string) => decodeFloat32(tensors.get(name)!);
  const model = await openModel(at(`checkpoint/fixtures/${folder}`));
  return { model, golden, set: { source: 'golden', seed: 0, sequences: ids } };
}

type Loaded = Awaited<ReturnType<typeof load>>;

/** The plan and the view it makes, from what was measured before. */
async function compress(model: Model, evidence: Evidence, options: object) {
  const method = await registry.find('fisher-moe');
  const plan = await planCompression(engine, { model, method, options, measure: async () => evidence });
  return { plan, view: applyPlan(model, plan) };
}

async function logitsOf(model: Model, { sequences }: Loaded['set']): Promise<Float32Array> {
  const [trace] = await traceModel(engine, model, sequences.slice(0, 1));
  return trace!.logits.data as Float32Array;
}

const largest = (values: ArrayLike<number>) =>
  Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
const difference = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  largest(Array.from(a, (value, i) => value - b[i]!));

/** Every expert of a model replaced, by layer and place in its pool. */
function withExperts(model: Model, replace: (expert: Expert, layer: number, e: number) => Expert): Model {
  const blocks = model.blocks.map((block) => {
    if (block.ffn.kind !== 'moe') return block;
    const pool = block.ffn.pool.map((expert, e) => replace(expert, block.index, e));
    return { ...block, ffn: { ...block.ffn, pool } };
  });
  return { ...model, blocks };
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

describe.each(families)('Fisher-MoE on %s', (family, folder) => {
  let loaded: Loaded;
  let evidence: Evidence;
  beforeAll(async () => {
    loaded = await load(family, folder);
    const statistics = [...Object.values(scores), weightGradients];
    evidence = await calibrate(engine, { model: loaded.model, set: loaded.set, statistics });
  });

  it.each([
    ['mask-fisher-token', 'fisher.token.mean'],
    ['mask-fisher-sequence', 'fisher.mask.mean'],
  ] as const)('with %s drops the channels that torch scores lowest', async (score, name) => {
    const { model, golden } = loaded;
    const expected = await golden(name);
    const measured = evidence.layers.flatMap((layer) => [...layer.read(scores[score], 'sum')]);
    expect(difference(measured, expected) / largest(expected)).toBeLessThan(1e-4);

    const { plan } = await compress(model, evidence, { ratio: 0.5, budget: 'model', score });
    const { width } = moeBlocks(model)[0]!.ffn.pool[0]!;
    const masks = plan.layers.flatMap(({ ops }) =>
      ops.flatMap((op) => ('channels' in op ? op.channels : [])),
    );
    expect(masks).toHaveLength(expected.length / width);
    const kept = masks.flatMap((mask, e) => decodeChannels(mask, width, '').map((j) => e * width + j));
    expect(kept).toHaveLength(expected.length / 2);
    const stay = new Set(kept);
    const threshold = expected.toSorted()[expected.length / 2]!;
    const misplaced = [...expected.keys()].filter((channel) =>
      stay.has(channel) ? expected[channel]! < 0.999 * threshold : expected[channel]! > 1.001 * threshold,
    );
    expect(misplaced).toEqual([]);
  });

  it('has gradients of rows of up and columns of down that belong together', async () => {
    for (const [i, { ffn }] of moeBlocks(loaded.model).entries()) {
      const read = (part: string) => evidence.layers[i]!.read(weightGradients, part);
      const [mask, ups, downs] = [read('mask'), read('up'), read('down')];
      const scale = largest(mask);
      for (const [e, { width, up, down, bias }] of ffn.pool.entries()) {
        const [wUp, wDown] = [await decodeFloat32(up), await decodeFloat32(down)];
        const hidden = wUp.length / width;
        const base = e * width * hidden;
        for (let j = 0; j < width; j++) {
          let [byUp, byDown] = [0, 0];
          for (let c = 0; c < hidden; c++) {
            byUp += wUp[j * hidden + c]! * ups[base + j * hidden + c]!;
            byDown += wDown[c * width + j]! * downs[base + c * width + j]!;
          }
          const expected = mask[e * width + j]!;
          expect(Math.abs(byDown - expected) / scale).toBeLessThan(1e-4);
          // Only without a bias is the activation linear in the row of up.
          if (!bias) expect(Math.abs(byUp - expected) / scale).toBeLessThan(1e-4);
        }
      }
    }
  });

  it('drops a dead channel first, by every score', async () => {
    const dead = withExperts(loaded.model, killLast);
    const measured = await calibrate(engine, {
      model: dead,
      set: loaded.set,
      statistics: Object.values(scores),
    });
    const { width } = moeBlocks(dead)[0]!.ffn.pool[0]!;
    for (const [score, statistic] of Object.entries(scores)) {
      const { view } = await compress(dead, measured, { ratio: 1 / width, score });
      let alive = 0;
      for (const [i, { ffn }] of moeBlocks(view).entries()) {
        const sums = measured.layers[i]!.read(statistic, 'sum');
        for (const [e, { gate }] of ffn.pool.entries()) {
          const own = sums.slice(e * width, (e + 1) * width);
          expect(own[width - 1]).toBe(0);
          // In an expert without tokens all channels look dead.
          if (own.filter((value) => value === 0).length > 1) continue;
          alive++;
          expect(gate).toMatchObject({ kind: 'rows', indices: upTo(width - 1) });
        }
      }
      expect(alive).toBeGreaterThan(0);
    }
  });

  it.each([
    { ratio: 0.5, budget: 'expert' },
    { ratio: 0.5, budget: 'layer' },
    { ratio: 0.9, budget: 'model' },
  ])('computes with %o what the masked model computes', async (options) => {
    const { model, set } = loaded;
    const { view } = await compress(model, evidence, options);
    const pools = new Map(moeBlocks(view).map(({ index, ffn }) => [index, ffn.pool]));
    const masked = withExperts(model, (expert, layer, e) => ({
      ...expert,
      down: maskedLike(expert.down, pools.get(layer)![e]!.down),
    }));
    // Biases of down stay, where there are any.
    const tolerance = family === 'gpt_oss' ? 0.02 : 0.001;
    expect(Math.abs(removedRatios(model, view).routed - options.ratio)).toBeLessThan(tolerance);
    const logits = await logitsOf(view, set);
    expect(difference(logits, await logitsOf(masked, set))).toBeLessThan(2e-5);
    expect(difference(logits, await logitsOf(model, set))).toBeGreaterThan(1e-3);
  });
});

/** The gradients of masks, and of the weights of up and down whole. */
const weightGradients: ExpertStatistic = {
  name: 'test-weight-gradients',
  version: 1,
  pass: 'backward',
  collect: (_, taps) => {
    const flat = (value: Value) =>
      reshape(value, [-1], [value.shape.reduce<number>((n, size) => n * Number(size), 1)]);
    const gradients = taps.gradients!.experts;
    return {
      mask: rowPerExpert(taps, ({ activation }, e) =>
        reduceSum(mul(cast(activation, 'float64'), cast(gradients[e]!.activation, 'float64')), [0]),
      ),
      up: rowPerExpert(taps, (_expert, e) => flat(gradients[e]!.up)),
      down: rowPerExpert(taps, (_expert, e) => flat(gradients[e]!.down)),
    };
  },
};

/** Nothing goes into the last channel of an expert, and nothing comes out. */
function killLast(expert: Expert): Expert {
  const { width, gate, up, down, bias } = expert;
  const others = upTo(width - 1);
  const emptyRow = (of: TensorExpr) => concat([rows(of, others), zeros(of.dtype, of.shape.with(0, 1))], 0);
  return {
    ...expert,
    gate: gate && emptyRow(gate),
    up: emptyRow(up),
    down: concat([cols(down, others), zeros(down.dtype, down.shape.with(1, 1))], 1),
    bias: bias && { ...bias, gate: bias.gate && emptyRow(bias.gate), up: emptyRow(bias.up) },
  };
}

/** `whole` with zeros in the columns that `part` does not have. */
function maskedLike(whole: TensorExpr, part: TensorExpr): TensorExpr {
  if (part.kind !== 'cols') return whole;
  const width = whole.shape[1]!;
  const kept = new Set(part.indices);
  const withZero = concat([whole, zeros(whole.dtype, whole.shape.with(1, 1))], 1);
  return cols(
    withZero,
    upTo(width).map((j) => (kept.has(j) ? j : width)),
  );
}
