import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import {
  bytesOf,
  exprEntry,
  openModel,
  readSafetensors,
  type TensorEntry,
  writeSafetensors,
} from '@moepress/checkpoint';
import { applyPlan, type CompressionPlan, type Model, moeBlocks } from '@moepress/core';
import { describe, expect, it } from 'vitest';
import { dropPlan, failure, fixture, narrowPlan, remapPlan, temporaryFolder } from '../support.test.util.js';
import { checkUnread } from './carried.js';
import { writeHuggingFace } from './write.js';

/** A fixture with tensors that its config does not tell of, opened. */
async function withExtra(name: string, ...extra: TensorEntry[]) {
  const folder = await temporaryFolder();
  await cp(fixture(name), folder, { recursive: true });
  const { tensors } = await readSafetensors(fixture(`${name}/model.safetensors`));
  const entries = [...tensors.values()].map((tensor) => exprEntry(tensor.name, tensor));
  await writeSafetensors(join(folder, 'model.safetensors'), [...entries, ...extra]);
  return openModel(folder);
}

const tensor = (
  name: string,
  dtype: TensorEntry['dtype'],
  shape: number[],
  bytes: number[],
): TensorEntry => ({
  name,
  dtype,
  shape,
  bytes: () => [Uint8Array.from(bytes)],
});

const bias = tensor('model.layers.0.self_attn.q_proj.bias', 'BF16', [2], [1, 2, 3, 4]);

describe('tensors that no part of a model reads', () => {
  it('are written again byte for byte, whatever their type', async () => {
    const scales = tensor('model.layers.1.scales', 'F8_E8M0', [3], [7, 8, 9]);
    const sixths = tensor('model.layers.1.sixths', 'F6_E2M3', [4], [1, 2, 3]);
    const fourths = tensor('extra.fourths', 'F4', [2, 4], [5, 6, 7, 8]);
    const base = await withExtra('mixtral', bias, scales, sixths, fourths);
    expect(base.source.unread.map(({ name }) => name)).toEqual([
      'extra.fourths',
      'model.layers.0.self_attn.q_proj.bias',
      'model.layers.1.scales',
      'model.layers.1.sixths',
    ]);
    const view = applyPlan(base, dropPlan(base));
    const { directory } = await writeHuggingFace(view, join(await temporaryFolder(), 'out'), {
      layout: 'compact',
    });
    const { tensors } = await readSafetensors(join(directory, 'model.safetensors'));
    for (const { name, dtype, shape, bytes } of [bias, scales, sixths, fourths]) {
      const stored = tensors.get(name)!;
      expect(stored).toMatchObject({ dtype, shape });
      const raw: Uint8Array[] = [];
      const whole = { ...stored, dtype: 'U8' as const, shape: [stored.length] };
      for await (const block of bytesOf(whole)) raw.push(block);
      expect([...Buffer.concat(raw)]).toEqual([...(bytes() as Uint8Array[])[0]!]);
    }
    expect((await openModel(directory)).source.unread).toHaveLength(4);
  });

  it.each([
    ['model.layers.0.block_sparse_moe.experts.3.w1.bias'],
    ['model.layers.0.block_sparse_moe.gate.bias'],
  ])('are refused where experts are renumbered: %s', async (name) => {
    const base = await withExtra('mixtral', tensor(name, 'F32', [1], [0, 0, 0, 0]));
    expect(() => checkUnread(base)).toThrow(expect.objectContaining({ code: 'CONFIG_UNSUPPORTED' }));
    const out = join(await temporaryFolder(), 'out');
    const written = writeHuggingFace(applyPlan(base, dropPlan(base)), out, { layout: 'compact' });
    expect(await failure(written)).toMatchObject({ message: expect.stringContaining(name) });
  });

  describe('of layers that predict further tokens', () => {
    const experts = [0, 1, 2, 3, 4, 5, 6, 7].map((e) =>
      tensor(`model.layers.3.mlp.experts.${e}.gate_proj.weight`, 'F32', [1], [e, 0, 0, 0]),
    );
    const router = tensor(
      'model.layers.3.mlp.gate.weight',
      'F32',
      [16, 1],
      Array.from({ length: 64 }, (_, i) => i),
    );
    const norm = tensor('model.layers.3.enorm.weight', 'F32', [1], [9, 9, 9, 9]);
    const more = [8, 9, 10, 11, 12, 13, 14, 15].map((e) =>
      tensor(`model.layers.3.mlp.experts.${e}.gate_proj.weight`, 'F32', [1], [e, 0, 0, 0]),
    );
    const write = async (plan: (base: Model) => CompressionPlan, mtp?: 'keep' | 'drop') => {
      const base = await withExtra('deepseek_v3', ...experts, ...more, router, norm);
      const config = { ...base.source.config, num_nextn_predict_layers: 1 };
      const model = { ...base, source: { ...base.source, config } };
      const out = join(await temporaryFolder(), 'out');
      const view = applyPlan(model, plan(model));
      return {
        out,
        written: await writeHuggingFace(view, out, { layout: 'compact', mtp, base: model }),
        view,
      };
    };
    const bytesOfWritten = async (folder: string) => {
      const { tensors } = await readSafetensors(join(folder, 'model.safetensors'));
      const predicting = [...tensors.values()].filter(({ name }) => name.startsWith('model.layers.3.'));
      return new Map(
        await Promise.all(
          predicting.map(async (stored) => {
            const raw: Uint8Array[] = [];
            for await (const block of bytesOf({ ...stored, dtype: 'U8', shape: [stored.length] }))
              raw.push(block);
            return [stored.name, [...Buffer.concat(raw)]] as const;
          }),
        ),
      );
    };

    it('lose the experts that the last layer loses, with their rows of the router', async () => {
      const { out, written, view } = await write(dropPlan);
      const kept = moeBlocks(view)
        .at(-1)!
        .ffn.pool.map(({ origin }) => origin.index);
      expect(written.prediction).toEqual({ outcome: 'kept', tensors: 18, reason: null });
      const tensors = await bytesOfWritten(out);
      kept.forEach((from, to) => {
        expect(tensors.get(`model.layers.3.mlp.experts.${to}.gate_proj.weight`)).toEqual([from, 0, 0, 0]);
      });
      expect(tensors.size).toBe(kept.length + 2);
      expect(tensors.get(router.name)).toEqual(kept.flatMap((row) => [0, 1, 2, 3].map((i) => 4 * row + i)));
      const again = await openModel(out);
      expect(again.source.config.num_nextn_predict_layers).toBe(1);
      expect(again.source.unread).toHaveLength(kept.length + 2);
    });

    it('stay as they are where slots share experts', async () => {
      const { out, written } = await write(remapPlan);
      expect(written.prediction.outcome).toBe('kept');
      expect((await bytesOfWritten(out)).size).toBe(18);
    });

    it('are dropped on demand, and where experts became narrower, unless they must be kept', async () => {
      for (const { out, written } of [await write(dropPlan, 'drop'), await write(narrowPlan)]) {
        expect(written.prediction.outcome).toBe('dropped');
        const again = await openModel(out);
        expect(again.source.unread).toEqual([]);
        expect(again.source.config.num_nextn_predict_layers).toBe(0);
      }
      expect(await failure(write(narrowPlan, 'keep'))).toMatchObject({
        code: 'CONFIG_UNSUPPORTED',
        hint: expect.stringContaining('--mtp drop'),
      });
    });
  });

  it('lose to no tensor of the new model', async () => {
    const base = await withExtra('mixtral', bias);
    const [unread] = base.source.unread;
    const source = { ...base.source, unread: [{ ...unread!, name: 'lm_head.weight' }] };
    const written = writeHuggingFace({ ...base, source }, join(await temporaryFolder(), 'out'), {
      layout: 'compact',
    });
    expect(await failure(written)).toMatchObject({ code: 'CONFIG_UNSUPPORTED' });
  });
});

it('writes a head that differs from the embedding, and a config that says so', async () => {
  const base = await withExtra('mixtral', bias);
  const config = { ...base.source.config, tie_word_embeddings: true };
  const { directory } = await writeHuggingFace(
    { ...base, source: { ...base.source, config } },
    join(await temporaryFolder(), 'out'),
    { layout: 'compact' },
  );
  const again = await openModel(directory);
  expect(again.source.config.tie_word_embeddings).toBe(false);
  expect(again.head).not.toBe(again.embed);
});
