import { openModel } from '@moepress/checkpoint';
import {
  applyPlan,
  type CompressionPlan,
  cols,
  concat,
  encodeChannels,
  type LayerPlan,
  type Model,
  moeBlocks,
  planBase,
  zeros,
} from '@moepress/core';
import { activationEnergy, gateWeightSums, tokenMaskFisher } from '@moepress/graph';
import { afterAll, describe, expect, it } from 'vitest';
import { calibrate } from './calibration/calibrate.js';
import { Engine } from './engine/engine.js';
import { traceModel } from './forward/trace-model.js';
import { fixtures, maxDifference } from './testing/golden.js';

const engine = new Engine({ workers: 1, threads: 1 });
afterAll(() => engine.dispose());

function planOf(model: Model, layers: LayerPlan[]): CompressionPlan {
  return {
    format: 'moepress-plan',
    version: 1,
    base: planBase(model),
    method: { name: 'test', package: 'test', version: '0' },
    options: {},
    calibration: null,
    layers,
    warnings: [],
    details: {},
    learned: null,
  };
}

/** Every slot computes with the expert that `prototype` names. */
function remapped(model: Model, prototype: (layer: number, slot: number) => [number, number]): Model {
  const layers = moeBlocks(model).map(
    ({ index, ffn }): LayerPlan => ({
      layer: index,
      ops: [{ op: 'remap-slots', slots: ffn.slots.map((_, slot) => prototype(index, slot)) }],
    }),
  );
  return applyPlan(model, planOf(model, layers));
}

async function logitsOf(model: Model, sequences: readonly (readonly number[])[]): Promise<Float32Array[]> {
  return (await traceModel(engine, model, sequences)).map(({ logits }) => logits.data as Float32Array);
}

describe.each(fixtures)('views of $name', ({ load }) => {
  it('with every slot on its own expert are bit-equal to the model', async () => {
    const { model: folder, sequences } = await load();
    const model = await openModel(folder);
    const identity = remapped(model, (layer, slot) => [layer, slot]);
    expect(await logitsOf(identity, sequences)).toEqual(await logitsOf(model, sequences));
  });

  it('compute a shared prototype once with the summed weight of its slots', async () => {
    const { model: folder, sequences } = await load();
    const model = await openModel(folder);
    const halved = remapped(model, (layer, slot) => [layer, slot - (slot % 2)]);
    // The same function, said differently: as many pool entries as slots, of which pairs are equal.
    const blocks = halved.blocks.map((block) =>
      block.ffn.kind !== 'moe'
        ? block
        : {
            ...block,
            ffn: {
              ...block.ffn,
              pool: block.ffn.slots.map((expert) =>
                block.ffn.kind === 'moe' ? block.ffn.pool[expert]! : undefined!,
              ),
              slots: block.ffn.slots.map((_, slot) => slot),
            },
          },
    );
    const [shared, copied] = [
      await logitsOf(halved, sequences),
      await logitsOf({ ...halved, blocks }, sequences),
    ];
    for (const [i, logits] of shared.entries()) expect(maxDifference(logits, copied[i]!)).toBeLessThan(2e-5);
    expect(maxDifference(shared[0]!, (await logitsOf(model, sequences))[0]!)).toBeGreaterThan(0.01);
  });

  it('preserve the sum of the routing weights', async () => {
    const { model: folder, sequences } = await load();
    const model = await openModel(folder);
    const first = moeBlocks(model)[0]!.index;
    const pooled = remapped(model, (layer, slot) => [layer, slot % 3]);
    const set = { source: 'golden', seed: 0, sequences };
    const total = async (view: Model) => {
      const { layers } = await calibrate(engine, { model: view, set, statistics: [gateWeightSums] });
      return layers.find(({ layer }) => layer === first)!.read(gateWeightSums, 'sum');
    };
    const sum = (values: Float64Array) => values.reduce((a, b) => a + b, 0);
    const [before, after] = [await total(model), await total(pooled)];
    expect(after).toHaveLength(3);
    expect(sum(after)).toBeCloseTo(sum(before), 4);
    expect(after[1]).toBeCloseTo(sum(before.filter((_, slot) => slot % 3 === 1)), 4);
  });

  it('compute with as many channels as each expert has', async () => {
    const { model: folder, sequences } = await load();
    const model = await openModel(folder);
    const width = moeBlocks(model)[0]!.ffn.pool[0]!.width;
    // Expert e keeps its last e channels, so the first keeps none.
    const kept = (e: number) => Array.from({ length: Math.min(e, width) }, (_, i) => width - 1 - i).reverse();
    const layers = moeBlocks(model).map(
      ({ index, ffn }): LayerPlan => ({
        layer: index,
        ops: [{ op: 'keep-channels', channels: ffn.pool.map((_, e) => encodeChannels(kept(e), width)) }],
      }),
    );
    const ragged = applyPlan(model, planOf(model, layers));
    const masked = {
      ...model,
      blocks: model.blocks.map((block) => {
        if (block.ffn.kind !== 'moe') return block;
        const pool = block.ffn.pool.map((expert, e) => {
          const { dtype, shape } = expert.down;
          const rest = zeros(dtype, [shape[0]!, width - kept(e).length]);
          return { ...expert, down: concat([rest, cols(expert.down, kept(e))], 1) };
        });
        return { ...block, ffn: { ...block.ffn, pool } };
      }),
    };
    const [narrow, wide] = [await logitsOf(ragged, sequences), await logitsOf(masked, sequences)];
    for (const [i, logits] of narrow.entries()) expect(maxDifference(logits, wide[i]!)).toBeLessThan(2e-5);
    expect(maxDifference(narrow[0]!, (await logitsOf(model, sequences))[0]!)).toBeGreaterThan(0.01);

    const set = { source: 'golden', seed: 0, sequences };
    const statistics = [activationEnergy, tokenMaskFisher];
    const measured = async (view: Model) =>
      (await calibrate(engine, { model: view, set, statistics })).layers[0]!;
    const [own, all] = [await measured(ragged), await measured(masked)];
    const widest = Math.max(...moeBlocks(ragged)[0]!.ffn.pool.map((expert) => expert.width));
    for (const statistic of statistics) {
      const [sums, expected] = [own.read(statistic, 'sum'), all.read(statistic, 'sum')];
      for (const e of moeBlocks(model)[0]!.ffn.pool.keys()) {
        const row = sums.slice(e * widest, (e + 1) * widest);
        for (const [i, channel] of kept(e).entries()) {
          expect(row[i]).toBeCloseTo(expected[e * width + channel]!, 4);
        }
        expect([...row.slice(kept(e).length)].every((x) => x === 0)).toBe(true);
      }
    }
  });

  it('may borrow experts from another layer', async () => {
    const { model: folder, sequences } = await load();
    const model = await openModel(folder);
    const [one, other] = moeBlocks(model).map(({ index }) => index) as [number, number];
    const borrowed = remapped(model, (_, slot) => [slot % 2 === 0 ? one : other, slot]);
    const swapped = remapped(model, (_, slot) => [slot % 2 === 0 ? other : one, slot]);
    const [a, b] = [await logitsOf(borrowed, sequences), await logitsOf(swapped, sequences)];
    expect(maxDifference(a[0]!, b[0]!)).toBeGreaterThan(0.01);
  });
});
