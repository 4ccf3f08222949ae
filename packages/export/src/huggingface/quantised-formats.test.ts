import { readdirSync } from 'node:fs';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeFloat32, openModel, readSafetensors } from '@moepress/checkpoint';
import {
  applyPlan,
  type CompressionPlan,
  encodeChannels,
  type Model,
  moeBlocks,
  type StoredTensor,
} from '@moepress/core';
import { describe, expect, it } from 'vitest';
import {
  dropPlan,
  fingerprint,
  fixture,
  openFixture,
  planFor,
  temporaryFolder,
} from '../support.test.util.js';
import { writeHuggingFace } from './write.js';

const formats = readdirSync(fixture('quantised'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => `quantised/${name}`);

async function written(base: Model, plan: CompressionPlan) {
  const view = applyPlan(base, plan);
  const out = await writeHuggingFace(view, join(await temporaryFolder(), 'out'), { layout: 'materialised' });
  return {
    view,
    again: await openModel(out.directory),
    tensors: await tensorsIn(out.directory),
    requantised: out.requantised,
  };
}

/** The bytes of every tensor of a folder, with its type. */
async function tensorsIn(folder: string): Promise<Map<string, string>> {
  const file = join(folder, 'model.safetensors');
  const [{ tensors }, bytes] = [await readSafetensors(file), await readFile(file)];
  const text = ({ dtype, shape, offset, length }: StoredTensor) =>
    `${dtype}[${shape}]${bytes.toString('base64', offset, offset + length)}`;
  return new Map([...tensors].map(([name, tensor]) => [name, text(tensor)]));
}

const bytesIn = (tensors: ReadonlyMap<string, string>) =>
  [...tensors.values()].reduce((sum, { length }) => sum + length, 0);

/** Experts keep `channels`. */
const keeping = (base: Model, channels: readonly number[]) =>
  planFor(base, () => ({
    op: 'keep-channels',
    channels: moeBlocks(base)[0]!.ffn.pool.map(({ width }) => encodeChannels([...channels], width)),
  }));

describe.each(formats)('%s', (name) => {
  it('keeps the bytes of what stays when experts go', async () => {
    const base = await openFixture(name);
    const [before, { tensors, view, again, requantised }] = [
      await tensorsIn(base.source.directory),
      await written(base, dropPlan(base)),
    ];
    for (const [tensor, bytes] of tensors) {
      if (tensor.includes('.mlp.gate.')) continue;
      // Experts 1 and 3 stay.
      const own = tensor.replace(/experts\.(\d)/, (_, number) => `experts.${2 * Number(number) + 1}`);
      expect(bytes === before.get(own), tensor).toBe(true);
    }
    expect(requantised).toEqual([]);
    expect(await fingerprint(again)).toBe(await fingerprint(view));
  });

  it('stays in its format with the very values when channels go by whole blocks', async () => {
    const base = await openFixture(name);
    const whole = await written(
      base,
      keeping(
        base,
        Array.from({ length: 32 }, (_, i) => 32 + i),
      ),
    );
    expect(whole.again.source.config.quantization_config).toEqual(base.source.config.quantization_config);
    // Groups that members of the input name in any order have no whole blocks of it.
    if (/ordered/.test(name))
      expect(whole.requantised.every((weight) => weight.includes('down_proj'))).toBe(true);
    else expect(await fingerprint(whole.again)).toBe(await fingerprint(whole.view));
    expect(bytesIn(whole.tensors)).toBeLessThan(bytesIn(await tensorsIn(base.source.directory)));
  });

  it('stays in its format when channels go one by one, and grows nowhere', async () => {
    const base = await openFixture(name);
    const cut = await written(
      base,
      keeping(
        base,
        Array.from({ length: 40 }, (_, i) => i + (i > 7 ? 5 : 0)),
      ),
    );
    expect(cut.again.source.config.quantization_config).toEqual(base.source.config.quantization_config);
    expect(bytesIn(cut.tensors)).toBeLessThanOrEqual(bytesIn(await tensorsIn(base.source.directory)));
    expect(cut.requantised.length > 0).toBe(!/channel|naive|tensor|8_bits/.test(name));
  });
});

it('names experts in config.json by the numbers that they have in the files', async () => {
  const base = await openFixture('quantised/mixed');
  const { quantization_config: original } = base.source.config as {
    quantization_config: { ignore: string[] };
  };
  const module = (expert: number) => `model.layers.0.mlp.experts.${expert}.up_proj`;
  const ignore = ['lm_head', 're:.*experts.1.gate_proj', module(0), module(1), module(3)];
  const config = { ...base.source.config, quantization_config: { ...original, ignore } };
  const named = { ...base, source: { ...base.source, config } };
  const ignored = async (view: Model, layout: 'compact' | 'materialised') => {
    const out = join(await temporaryFolder(), 'out');
    const { directory } = await writeHuggingFace(view, out, { layout });
    const text = await readFile(join(directory, 'config.json'), 'utf8');
    return JSON.parse(text).quantization_config.ignore;
  };
  // Experts 1 and 3 stay.
  const kept = ['lm_head', 're:.*experts.1.gate_proj', module(0), module(1)];
  expect(await ignored(applyPlan(named, dropPlan(base)), 'materialised')).toEqual(kept);
  expect(await ignored(named, 'compact')).toEqual(ignore);
});

it('refuses groups that there are no scales of', async () => {
  const folder = await temporaryFolder();
  await cp(fixture('quantised/gptq_ordered'), folder, { recursive: true });
  const file = join(folder, 'model.safetensors');
  const [{ tensors }, bytes] = [await readSafetensors(file), await readFile(file)];
  const [name, { offset }] = [...tensors].find(([tensor]) => /experts\.1\.down_proj\.g_idx/.test(tensor))!;
  bytes.writeInt32LE(7_000_000, offset);
  await writeFile(file, bytes);
  const model = await openModel(folder);
  expect(name).toBe('model.layers.0.mlp.experts.1.down_proj.g_idx');
  const { down } = moeBlocks(model)[0]!.ffn.pool[1]!;
  await expect(decodeFloat32(down)).rejects.toMatchObject({
    code: 'CHECKPOINT_INVALID',
    where: expect.stringContaining('g_idx'),
  });
});
