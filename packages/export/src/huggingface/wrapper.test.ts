import { join } from 'node:path';
import { bytesOf, openModel, readSafetensors } from '@moepress/checkpoint';
import { applyPlan, moeBlocks, type StoredTensor } from '@moepress/core';
import { expect, it } from 'vitest';
import { dropPlan, fixture, temporaryFolder } from '../support.test.util.js';
import { writeHuggingFace } from './write.js';

async function bytes(tensor: StoredTensor): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of bytesOf({ ...tensor, dtype: 'U8', shape: [tensor.length] })) parts.push(part);
  return Buffer.concat(parts);
}

it.each([
  ['qwen3_5_moe', 'num_experts', /^model\.visual\./],
  ['llama4', 'num_local_experts', /^(vision_model|multi_modal_projector)\./],
  ['gemma4', 'num_experts', /^model\.(vision_tower|embed_vision)\./],
])(
  'changes the text model in the wrapper of %s, and carries its other tensors over',
  async (family, experts, outer) => {
    const base = await openModel(fixture(family));
    const view = applyPlan(base, dropPlan(base));
    const kept = moeBlocks(view)[0]!.ffn.pool.length;
    const { directory } = await writeHuggingFace(view, join(await temporaryFolder(), 'out'), {
      layout: 'compact',
    });
    const written = await openModel(directory);
    const { text_config, ...wrapper } = written.source.config as Record<string, Record<string, unknown>>;
    const { text_config: before, ...others } = base.source.config as Record<string, Record<string, unknown>>;
    expect(wrapper).toEqual(others);
    expect(text_config).toEqual({ ...before, [experts]: kept });
    expect(kept).toBeLessThan(Number(before![experts]));
    const names = base.source.unread.map(({ name }) => name);
    expect(names.length).toBeGreaterThan(0);
    expect(names.filter((name) => !outer.test(name))).toEqual([]);
    const { tensors } = await readSafetensors(join(directory, 'model.safetensors'));
    for (const tensor of base.source.unread) {
      expect(await bytes(tensors.get(tensor.name)!)).toEqual(await bytes(tensor));
    }
  },
);
