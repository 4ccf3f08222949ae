import type { LatentAttention, StoredTensor } from '@moepress/core';
import { describe, expect, it } from 'vitest';
import { arrayEntry, exprEntry, type TensorEntry } from '../safetensors/file-layout.js';
import { copyOfFixture, edit, failure, fixture } from '../support.test.util.js';
import { openModel } from './open.js';
import { bytesIn, entriesOf, pools, valuesOf, withTensors } from './support.test.util.js';

describe('fused experts', () => {
  it.each([
    ['olmoe', 'gate_proj', 'up_proj', 'down_proj'],
    ['mixtral', 'w1', 'w3', 'w2'],
  ])('of %s are read as newer tools write them', async (name, gate, up, down) => {
    const folder = await withTensors(name, (tensors) => fuse(tensors, gate, up, down));
    const [fused, separate] = [pools(await openModel(folder)), pools(await openModel(fixture(name)))];
    for (const [layer, pool] of separate.entries()) {
      expect(pool.length).toBe(fused[layer]!.length);
      expect(await valuesOf(fused[layer]![3]!)).toEqual(await valuesOf(pool[3]!));
    }
    expect((await openModel(folder)).source.unread).toEqual([]);
  });

  /** The experts of each layer in one tensor a projection, under the names of transformers 5. */
  async function fuse(
    tensors: ReadonlyMap<string, StoredTensor>,
    gate: string,
    up: string,
    down: string,
  ): Promise<TensorEntry[]> {
    const modern = (name: string) => name.replace('block_sparse_moe', 'mlp');
    const others = [...tensors.values()].filter(({ name }) => !name.includes('.experts.'));
    const entries = others.map((tensor) => exprEntry(modern(tensor.name), tensor));
    const firsts = [...tensors.keys()].filter((name) => name.endsWith(`.experts.0.${gate}.weight`));
    for (const first of firsts) {
      const stem = first.slice(0, -`.0.${gate}.weight`.length);
      const of = (projection: string, e: number) => tensors.get(`${stem}.${e}.${projection}.weight`);
      const experts = [...tensors.keys()].filter((name) => name.startsWith(stem)).length / 3;
      for (const [fusedName, projections] of [
        ['gate_up_proj', [gate, up]],
        ['down_proj', [down]],
      ] as const) {
        const parts = Array.from({ length: experts }, (_, e) => projections.map((p) => of(p, e)!)).flat();
        const [rows, columns] = parts[0]!.shape as [number, number];
        const bytes = Buffer.concat(await Promise.all(parts.map(bytesIn)));
        const shape = [experts, projections.length * rows, columns];
        entries.push(arrayEntry(`${modern(stem)}.${fusedName}`, parts[0]!.dtype, shape, bytes));
      }
    }
    return entries;
  }
});

describe('quantised weights', () => {
  it.each([
    ['gpt_oss_mxfp4', 'gpt_oss', 0.16],
    ['deepseek_v3_fp8', 'deepseek_v3', 0.04],
  ])('of %s are near to those of %s', async (quantised, original, tolerance) => {
    const [found, expected] = [
      pools(await openModel(fixture(quantised))),
      pools(await openModel(fixture(original))),
    ];
    const [a, b] = [await valuesOf(found[1]![2]!), await valuesOf(expected[1]![2]!)];
    for (const [i, values] of b.entries()) {
      const norm = Math.hypot(...values);
      const error = Math.hypot(...values.map((value, j) => value - a[i]![j]!));
      expect(a[i]).toHaveLength(values.length);
      expect(error).toBeLessThan(tolerance * norm);
    }
  });

  it('are attention and dense weights too in FP8, but not norms and routers', async () => {
    const { blocks } = await openModel(fixture('deepseek_v3_fp8'));
    const [first, second] = blocks;
    const attention = first!.attention as LatentAttention;
    expect(attention.kvDown.linear.weight).toMatchObject({
      kind: 'block-scaled',
      format: 'fp8',
      block: [32, 32],
    });
    expect(attention.kvDown.norm).toMatchObject({ kind: 'stored', dtype: 'BF16' });
    expect(first!.ffn).toMatchObject({ mlp: { gate: { kind: 'block-scaled' } } });
    expect(second!.ffn).toMatchObject({
      router: { weight: { kind: 'stored' } },
      shared: { mlp: { down: { kind: 'block-scaled' } } },
    });
  });

  it('are refused without scales, or without a word of them in config.json', async () => {
    const name = 'model.layers.0.mlp.up_proj.weight_scale_inv';
    const withoutScale = await withTensors('deepseek_v3_fp8', (tensors) =>
      entriesOf([...tensors.values()].filter((tensor) => tensor.name !== name)),
    );
    expect(await failure(openModel(withoutScale))).toMatchObject({
      code: 'TENSOR_MISSING',
      message: expect.stringContaining(name),
    });
    const silent = await copyOfFixture('deepseek_v3_fp8');
    await edit(silent, 'config.json', (config) => {
      delete config.quantization_config;
    });
    expect(await failure(openModel(silent))).toMatchObject({ code: 'TENSOR_DTYPE' });
    const embedding = await withTensors('deepseek_v3_fp8', (tensors) =>
      entriesOf(tensors.values()).map((entry) =>
        entry.name === 'model.embed_tokens.weight'
          ? arrayEntry(entry.name, 'F8_E4M3', entry.shape, new Uint8Array(512 * 64))
          : entry,
      ),
    );
    expect(await failure(openModel(embedding))).toMatchObject({
      code: 'TENSOR_MISSING',
      message: expect.stringContaining('model.embed_tokens.weight_scale_inv'),
    });
  });

  it('are refused if blocks and scales do not fit the config', async () => {
    const folder = await withTensors('gpt_oss_mxfp4', (tensors) =>
      entriesOf(tensors.values()).map((entry) =>
        entry.name.endsWith('0.mlp.experts.down_proj_scales')
          ? arrayEntry(entry.name, 'U8', [8, 64, 2], new Uint8Array(8 * 64 * 2))
          : entry,
      ),
    );
    expect(await failure(openModel(folder))).toMatchObject({ code: 'TENSOR_SHAPE' });
  });
});
