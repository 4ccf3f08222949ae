import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeFloat32, openModel } from '@moepress/checkpoint';
import { applyPlan, type BlockScaledExpr, moeBlocks, tensorsByPath } from '@moepress/core';
import { describe, expect, it } from 'vitest';
import { failure, openFixture, raggedPlan, temporaryFolder } from '../support.test.util.js';
import { type QuantiseChoice, quantiseChoices } from './quantise-scheme.js';
import { writeHuggingFace } from './write.js';

/** Half a step at the largest number of a block, over that number: what rounding may change. */
const coarseness: Record<QuantiseChoice, number> = {
  int4: 0.08,
  int8: 0.006,
  fp8: 0.04,
  mxfp4: 0.35,
  nvfp4: 0.2,
};

describe.each(quantiseChoices)('%s', (quantise) => {
  it('is read again near to what it was, and smaller', async () => {
    const base = await openFixture('quantised/int8_channel');
    const warnings: string[] = [];
    const progress = (event: { type: string; message?: string }) => {
      if (event.type === 'warning') warnings.push(event.message!);
    };
    const out = join(await temporaryFolder(), 'out');
    const { directory } = await writeHuggingFace(base, out, { layout: 'materialised', quantise, progress });
    const again = await openModel(directory, { progress });
    expect(warnings).toEqual([]);
    const [before, after] = [tensorsByPath(base), tensorsByPath(again)];
    const quantised = [...after].filter(([, expr]) => expr.kind === 'block-scaled');
    // Three matrices of each expert and four of each attention.
    const moe = moeBlocks(base);
    const experts = moe.reduce((sum, { ffn }) => sum + ffn.pool.length, 0);
    expect(quantised).toHaveLength(3 * experts + 4 * base.blocks.length);
    for (const [path, expr] of quantised.filter((_, i) => i % 7 === 0)) {
      const [a, b] = [await decodeFloat32(before.get(path)!), await decodeFloat32(expr as BlockScaledExpr)];
      const largest = a.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const error = a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
      expect(error, path).toBeLessThan(coarseness[quantise] * largest);
      expect(error).toBeGreaterThan(0);
    }
  });
});

it('refuses experts that lie in one tensor, before anything is written', async () => {
  const base = await openFixture('gpt_oss');
  const writing = writeHuggingFace(base, join(await temporaryFolder(), 'out'), {
    layout: 'materialised',
    quantise: 'int4',
  });
  expect(await failure(writing)).toMatchObject({
    code: 'CONFIG_UNSUPPORTED',
    message: expect.stringContaining('experts of a layer'),
  });
});

it('writes gpt-oss in MXFP4 as it is published, with all experts of a layer in one tensor', async () => {
  const base = await openFixture('gpt_oss');
  const out = join(await temporaryFolder(), 'out');
  await writeHuggingFace(base, out, { layout: 'materialised', quantise: 'mxfp4' });
  const again = await openModel(out);
  const [before, after] = [base, again].map((model) => moeBlocks(model)[0]!.ffn.pool[1]!);
  expect(after!.up.kind).not.toBe('stored');
  for (const part of ['gate', 'up', 'down'] as const) {
    const [a, b] = [await decodeFloat32(before![part]!), await decodeFloat32(after![part]!)];
    const largest = a.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const error = a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
    expect(error, part).toBeLessThan(coarseness.mxfp4 * largest);
  }
  const settings = JSON.parse(await readFile(join(out, 'config.json'), 'utf8'));
  expect(settings.quantization_config.quant_method).toBe('mxfp4');
});

it.each(['mxfp4', 'int4'] as const)('fills widths up to whole blocks of %s', async (quantise) => {
  const base = await openFixture('quantised/int8_channel');
  const view = applyPlan(base, raggedPlan(base));
  const out = join(await temporaryFolder(), 'out');
  await writeHuggingFace(view, out, { layout: 'compact', quantise });
  const again = moeBlocks(await openModel(out)).flatMap(({ ffn }) => ffn.pool);
  const widths = moeBlocks(view).flatMap(({ ffn }) => ffn.pool.map(({ width }) => width));
  expect(widths.some((width) => width % 32 !== 0)).toBe(true);
  expect(again.map(({ width }) => width)).toEqual(widths.map((width) => Math.ceil(width / 32) * 32));
});

it('tells of weights that become larger, and of those that are quantised anew', async () => {
  const base = await openFixture('quantised/nvfp4');
  const warnings: string[] = [];
  const progress = (event: { type: string; message?: string }) => {
    if (event.type === 'warning') warnings.push(event.message!);
  };
  const out = join(await temporaryFolder(), 'out');
  await writeHuggingFace(base, out, { layout: 'materialised', quantise: 'int8', progress });
  expect(warnings).toEqual([expect.stringMatching(/larger than the original's: \d+ bytes, \d+ % more/)]);
});
