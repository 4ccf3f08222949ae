import { copyFile, cp, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findArchitecture, openModel } from '@moepress/checkpoint';
import { applyPlan, type Block, type Expert, measure, moeBlocks, parsePlan } from '@moepress/core';
import { describe, expect, it } from 'vitest';
import {
  dropPlan,
  failure,
  families,
  fingerprint,
  fixture,
  openFixture,
  planFor,
  remapPlan,
  temporaryFolder,
} from '../support.test.util.js';
import { writeHuggingFace } from './write.js';

const json = async (...path: string[]) => JSON.parse(await readFile(join(...path), 'utf8'));

it('tells checkpoints of two plans apart by their headers, so that a plan for one does not apply to the other', async () => {
  const base = await openFixture('olmoe');
  const folder = await temporaryFolder();
  const hashes = [];
  for (const seed of [0, 1, 1]) {
    const plan = { ...dropPlan(base), options: { ratio: 0.5, seed } };
    const out = join(folder, String(hashes.length));
    const { directory } = await writeHuggingFace(applyPlan(base, plan), out, {
      layout: 'compact',
      plan,
      base,
    });
    hashes.push((await openModel(directory)).headerHash);
  }
  expect(hashes[0]).not.toBe(hashes[1]);
  expect(hashes[1]).toBe(hashes[2]);
});

describe.each(families)('a view of %s', (name) => {
  it('comes back from the compact layout as the same view', async () => {
    const base = await openFixture(name);
    const view = applyPlan(base, remapPlan(base));
    const { directory } = await writeHuggingFace(view, join(await temporaryFolder(), 'out'), {
      layout: 'compact',
    });
    const again = await openModel(directory);
    expect(again.architecture).toBe(base.architecture);
    expect(measure(again)).toEqual(measure(view));
    expect(await fingerprint(again)).toBe(await fingerprint(view));
    const shape = (model: typeof view) =>
      moeBlocks(model).map(({ ffn }) => ({ slots: ffn.slots, origins: ffn.pool.map((e) => e.origin) }));
    expect(shape(again)).toEqual(shape(view));
  });

  it('comes back from the materialised layout with an expert for every slot', async () => {
    const base = await openFixture(name);
    const view = applyPlan(base, remapPlan(base));
    const { directory } = await writeHuggingFace(view, join(await temporaryFolder(), 'out'), {
      layout: 'materialised',
    });
    expect(await json(directory, 'config.json')).toEqual(base.source.config);
    const again = await openModel(directory);
    expect(measure(again)).toEqual(measure(base));
    expect(await fingerprint(again)).toBe(await fingerprint(view));
  });

  it('is a stock checkpoint after dropping, whatever the layout', async () => {
    const base = await openFixture(name);
    const view = applyPlan(base, dropPlan(base));
    const folder = await temporaryFolder();
    for (const layout of ['compact', 'materialised'] as const) {
      const { directory } = await writeHuggingFace(view, join(folder, layout), { layout });
      const { keys } = findArchitecture(base.architecture, name);
      expect(await json(directory, 'config.json')).toEqual({
        ...base.source.config,
        [keys.experts!.names[0]]: base.config.experts / 2,
      });
      const again = await openModel(directory);
      expect(again.config).toEqual({ ...base.config, experts: base.config.experts / 2 });
      expect(measure(again)).toEqual(measure(view));
      expect(await fingerprint(again)).toBe(await fingerprint(view));
    }
  });

  it('computes with the same numbers: router, attention and activation are read back as they were', async () => {
    const base = await openFixture(name);
    const view = applyPlan(base, remapPlan(base));
    const { directory } = await writeHuggingFace(view, join(await temporaryFolder(), 'out'), {
      layout: 'compact',
    });
    const again = await openModel(directory);
    for (const [i, block] of view.blocks.entries()) expect(factsOf(again.blocks[i]!)).toEqual(factsOf(block));
  });
});

/** All of a block but its tensors and where they are. */
function factsOf(block: Block): unknown {
  return JSON.parse(
    JSON.stringify(block, (key, value) => {
      if (key === 'pool') return value.map(({ width, activation }: Expert) => ({ width, activation }));
      return typeof value === 'object' && value !== null && 'dtype' in value ? value.shape : value;
    }),
  );
}

describe('writeHuggingFace', () => {
  it('writes a compact checkpoint again, in either layout', async () => {
    const base = await openFixture('olmoe');
    const folder = await temporaryFolder();
    const view = applyPlan(base, remapPlan(base));
    await writeHuggingFace(view, join(folder, 'first'), { layout: 'compact' });
    const compact = await openModel(join(folder, 'first'));
    await writeHuggingFace(compact, join(folder, 'second'), { layout: 'compact' });
    await writeHuggingFace(compact, join(folder, 'stock'), { layout: 'materialised' });
    expect((await openModel(join(folder, 'second'))).headerHash).toBe(compact.headerHash);
    expect(await json(folder, 'stock', 'config.json')).toEqual(base.source.config);
    expect(await fingerprint(await openModel(join(folder, 'stock')))).toBe(await fingerprint(view));
    expect(await readdir(join(folder, 'stock'))).not.toContain('modeling_moepress.py');
  });

  it('keeps floats floats, which the configs of transformers insist on', async () => {
    const source = await temporaryFolder();
    await cp(fixture('olmoe'), source, { recursive: true });
    const config = JSON.stringify({ ...(await json(source, 'config.json')), dropout: 0.5 });
    await writeFile(join(source, 'config.json'), config.replace('"dropout":0.5', '"dropout": 0.0'));
    const out = join(await temporaryFolder(), 'out');
    await writeHuggingFace(await openModel(source), out, { layout: 'compact' });
    expect(await readFile(join(out, 'config.json'), 'utf8')).toContain('"dropout": 0.0');
  });

  it('writes a compact checkpoint that only moepress reads, where transformers lacks the family', async () => {
    const base = await openFixture('deepseek');
    const folder = await temporaryFolder();
    const view = applyPlan(base, remapPlan(base));
    const { files } = await writeHuggingFace(view, join(folder, 'compact'), { layout: 'compact' });
    expect(files).not.toContain('modeling_moepress.py');
    expect(await json(folder, 'compact', 'config.json')).not.toHaveProperty('auto_map');
    const card = await readFile(join(folder, 'compact', 'README.md'), 'utf8');
    expect(card).toMatch(/^library_name: moepress$/m);
    expect(card).toContain('| transformers | no.');
    const compact = await openModel(join(folder, 'compact'));
    await writeHuggingFace(compact, join(folder, 'stock'), { layout: 'materialised' });
    expect(await json(folder, 'stock', 'config.json')).toEqual(base.source.config);
  });

  it('takes tokenizer, licence and card along, and tells what was done', async () => {
    const source = await temporaryFolder();
    await cp(fixture('olmoe'), source, { recursive: true });
    const along = [
      'tokenizer.json',
      'tokenizer_config.json',
      'chat_template.jinja',
      'LICENSE',
      'LICENSE-MODEL.md',
      'USE_POLICY.md',
      'modeling_deepseek.py',
    ];
    for (const file of along) await writeFile(join(source, file), `the ${file}`);
    await writeFile(join(source, 'README.md'), '---\nlicense: apache-2.0\n---\n# OLMoE\n');
    await writeFile(join(source, 'pytorch_model.bin'), 'not this');
    const base = await openModel(source);
    const plan = remapPlan(base);
    const out = join(await temporaryFolder(), 'deep', 'out');
    const written = await writeHuggingFace(applyPlan(base, plan), out, { layout: 'compact', plan, base });
    expect(await readdir(out)).toEqual(written.files);
    expect(written.files).toEqual(
      [...along, 'README.md', 'README.base.md', 'config.json', 'generation_config.json', 'model.safetensors']
        .concat('modeling_moepress.py', 'moepress_plan.json')
        .sort(),
    );
    expect(await readFile(join(out, 'chat_template.jinja'), 'utf8')).toBe('the chat_template.jinja');
    expect(parsePlan(await readFile(join(out, 'moepress_plan.json'), 'utf8'), 'plan')).toEqual(plan);
    const card = await readFile(join(out, 'README.md'), 'utf8');
    expect(card).toMatch(/^license: apache-2.0$/m);
    expect(await readFile(join(out, 'README.base.md'), 'utf8')).toContain('# OLMoE');
    const sizes = await Promise.all(written.files.map(async (file) => (await stat(join(out, file))).size));
    expect(sizes.reduce((a, b) => a + b)).toBe(written.bytes);
  });

  it('follows the links of a Hub cache', async () => {
    const repository = join(await temporaryFolder(), 'models--allenai--OLMoE');
    const source = join(repository, 'snapshots', 'f'.repeat(40));
    await mkdir(source, { recursive: true });
    await mkdir(join(repository, 'blobs'));
    for (const [i, file] of (await readdir(fixture('olmoe'))).entries()) {
      await copyFile(join(fixture('olmoe'), file), join(repository, 'blobs', `etag-${i}`));
      await symlink(join('..', '..', 'blobs', `etag-${i}`), join(source, file));
    }
    const out = join(await temporaryFolder(), 'out');
    await writeHuggingFace(await openModel(source), out, { layout: 'compact' });
    expect((await stat(join(out, 'generation_config.json'))).isFile()).toBe(true);
    expect((await openModel(out)).config.experts).toBe(16);
  });

  it('splits weights into shards', async () => {
    const base = await openFixture('olmoe');
    const out = join(await temporaryFolder(), 'out');
    const { files } = await writeHuggingFace(base, out, { layout: 'compact', maxShardBytes: 150_000 });
    expect(files).toContain('model-00002-of-00005.safetensors');
    expect(await fingerprint(await openModel(out))).toBe(await fingerprint(base));
  });

  it('does not write layers of different expert counts, which no stock config can say', async () => {
    const base = await openFixture('olmoe');
    const plan = planFor(base, (layer) => ({
      op: 'keep-experts',
      experts: layer === 0 ? [0, 1, 2, 3] : [0, 1, 2, 3, 4],
    }));
    const out = join(await temporaryFolder(), 'out');
    const error = await failure(writeHuggingFace(applyPlan(base, plan), out, { layout: 'materialised' }));
    expect(error).toMatchObject({ code: 'CONFIG_UNSUPPORTED' });
    expect(error.message).toContain('"num_experts"');
    expect(error.hint).toContain('compact');
    expect(await stat(out).catch(() => null)).toBeNull();
  });
});
