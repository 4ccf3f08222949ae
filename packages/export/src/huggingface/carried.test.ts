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
import { applyPlan } from '@moepress/core';
import { describe, expect, it } from 'vitest';
import { dropPlan, failure, fixture, temporaryFolder } from '../support.test.util.js';
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

  it('stay behind where they predict further tokens', async () => {
    const base = await withExtra('deepseek_v3', tensor('model.layers.3.eh_proj.weight', 'U8', [1], [1]));
    const config = { ...base.source.config, num_nextn_predict_layers: 1 };
    const model = { ...base, source: { ...base.source, config } };
    const { directory } = await writeHuggingFace(
      applyPlan(model, dropPlan(model)),
      join(await temporaryFolder(), 'out'),
      { layout: 'compact' },
    );
    const written = await openModel(directory);
    expect(written.source.unread).toEqual([]);
    expect(written.source.config.num_nextn_predict_layers).toBe(0);
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
