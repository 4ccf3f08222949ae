import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { bytesOf, openModel, readSafetensors } from '@moepress/checkpoint';
import { applyPlan, type CompressionPlan, type Model, measure } from '@moepress/core';
import { describe, expect, it } from 'vitest';
import {
  dropPlan,
  fingerprint,
  narrowPlan,
  openFixture,
  quantised,
  raggedPlan,
  remapPlan,
  temporaryFolder,
} from '../support.test.util.js';
import type { ExpertLayout } from './layout.js';
import { writeHuggingFace } from './write.js';

async function written(base: Model, planOf: (base: Model) => CompressionPlan, layout: ExpertLayout) {
  const view = applyPlan(base, planOf(base));
  const { directory } = await writeHuggingFace(view, join(await temporaryFolder(), 'out'), { layout });
  const file = join(directory, 'model.safetensors');
  const { tensors } = await readSafetensors(file);
  return { view, again: await openModel(directory), tensors: [...tensors.values()] };
}

const bytesIn = (tensors: readonly { readonly length: number }[]) =>
  tensors.reduce((sum, { length }) => sum + length, 0);

describe.each(quantised)('%s', (name) => {
  it.each([
    ['dropping', dropPlan, 'materialised'],
    ['sharing', remapPlan, 'compact'],
    ['sharing', remapPlan, 'materialised'],
  ] as const)('stays quantised after %s experts', async (_, planOf, layout) => {
    const base = await openFixture(name);
    const { view, again, tensors } = await written(base, planOf, layout);
    expect(again.source.config.quantization_config).toEqual(base.source.config.quantization_config);
    expect(tensors.some(({ dtype }) => dtype === 'U8' || dtype === 'F8_E4M3')).toBe(true);
    if (planOf === dropPlan || layout === 'compact') expect(measure(again)).toEqual(measure(view));
    expect(await fingerprint(again)).toBe(await fingerprint(view));
  });

  it.each([
    ['evenly', narrowPlan, 'materialised'],
    ['unevenly', raggedPlan, 'compact'],
  ] as const)(
    'stays quantised and grows nowhere once its experts lost channels %s',
    async (_, planOf, layout) => {
      const base = await openFixture(name);
      const { again, tensors } = await written(base, planOf, layout);
      expect(again.source.config.quantization_config).toEqual(base.source.config.quantization_config);
      expect(tensors.some(({ dtype }) => dtype === 'U8' || dtype === 'F8_E4M3')).toBe(true);
      const source = await readSafetensors(join(base.source.directory, 'model.safetensors'));
      expect(bytesIn(tensors)).toBeLessThanOrEqual(bytesIn([...source.tensors.values()]));
    },
  );
});

it('copies the blocks and scales of the experts that stay, byte for byte', async () => {
  const base = await openFixture('gpt_oss_mxfp4');
  const { tensors } = await written(base, dropPlan, 'materialised');
  const original = await readSafetensors(join(base.source.directory, 'model.safetensors'));
  for (const kind of ['gate_up_proj_blocks', 'down_proj_scales']) {
    const stack = original.tensors.get(`model.layers.1.mlp.experts.${kind}`)!;
    const kept = tensors.find((tensor) => tensor.name === stack.name)!;
    expect(kept.shape).toEqual(stack.shape.with(0, stack.shape[0]! / 2));
    const each = stack.length / stack.shape[0]!;
    const hash = async (tensor: typeof stack, expert: number) => {
      const part = { ...tensor, offset: tensor.offset + expert * each, length: each, shape: [each] };
      const sum = createHash('sha256');
      for await (const block of bytesOf(part)) sum.update(block);
      return sum.digest('hex');
    };
    expect(await hash(kept, 0)).toBe(await hash(stack, 1));
    expect(await hash(kept, 3)).toBe(await hash(stack, 7));
  }
});
