import { findArchitecture } from '@moepress/checkpoint';
import { applyPlan, type CompressionPlan, countParameters, type Model, planHash } from '@moepress/core';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { dropPlan, openFixture, raggedPlan, remapPlan } from '../support.test.util.js';
import { writeCard } from './card.js';
import type { CardFacts } from './card-facts.js';
import { enginesOf } from './engines.js';
import { arrange, type ExpertLayout } from './layout.js';

function facts(base: Model, plan: CompressionPlan, layout: ExpertLayout): CardFacts {
  const model = applyPlan(base, plan);
  const arrangement = arrange(model, findArchitecture(base.architecture, base.id), layout);
  const bytes = { routed: 98_304, whole: 2_000_000 };
  const parameters = countParameters(model);
  const prediction = { outcome: 'none', tensors: 0, reason: null } as const;
  return {
    model,
    base,
    plan,
    form: arrangement.form,
    engines: enginesOf(arrangement),
    quantised: true,
    prediction,
    bytes,
    parameters,
  };
}

/** The rules of the Hub for the fields that we write (https://github.com/huggingface/hub-docs/blob/main/modelcard.md). */
function checkHubRules(metadata: Record<string, unknown>): void {
  const { library_name: library, license, tags, base_model: base } = metadata;
  expect(['transformers', 'moepress']).toContain(library);
  expect(tags).toEqual(expect.arrayContaining([expect.stringMatching(/^[a-z0-9][a-z0-9._-]*$/)]));
  expect(metadata).not.toHaveProperty('model-index');
  expect(base === undefined).toBe(metadata.base_model_relation === undefined);
  if (base !== undefined) {
    expect(base).toMatch(/^[\w.-]{1,96}\/[\w.-]{1,96}$/);
    expect(['adapter', 'merge', 'quantized', 'finetune']).toContain(metadata.base_model_relation);
  }
  // A licence that has no identifier of its own needs a name and a link.
  if (license === 'other') {
    expect(metadata).toMatchObject({ license_name: expect.any(String), license_link: expect.any(String) });
  }
}

function metadataIn(card: string) {
  const metadata = parse(/^---\n(.*?)\n---\n/s.exec(card)![1]!);
  checkHubRules(metadata);
  return metadata;
}

async function cardOf(layout: ExpertLayout) {
  const base = await openFixture('olmoe');
  const plan = remapPlan(base);
  return { plan, card: writeCard(null, facts(base, plan, layout)) };
}

describe('the model card', () => {
  it('says how the checkpoint was made', async () => {
    const { card, plan } = await cardOf('compact');
    expect(card).toContain('| method | example (@moepress/plugin-example 1.2.3) |');
    expect(card).toContain(`| plan | sha256 ${planHash(plan)} |`);
    expect(card).toContain('4 sequences, 2048 tokens, seed 7');
    // 4 and 5 of 16 experts remain, the fifth borrowed by the second layer but stored in the first.
    expect(card).toContain('| removed of the routed experts | 71.9 % |');
    expect(card).toMatch(/\| removed of the whole model \| \d+\.\d % \|/);
    expect(card).toContain('trust_remote_code=True');
  });

  it('weighs bytes as well, which may be more than before', async () => {
    const { card } = await cardOf('compact');
    expect(card).toContain('| bytes of the routed experts | 98304 of 393216: 75.0 % less |');
    expect(card).toMatch(/\| bytes of the weights \| 2000000 of \d+: \d+\.\d % more \|/);
  });

  it.each([
    ['compact', 'compact: each expert once and as narrow as it is, with a slot map'],
    ['materialised', 'stock, with zeros up to a common width of the experts'],
    ['masked', 'stock, with zeros in the places of the channels that went'],
    ['less-is-moe', 'VLLM_PLUGINS=less_is_moe_ragged'],
  ] as const)('describes experts of different widths in the layout %s', async (layout, text) => {
    const base = await openFixture('olmoe');
    const card = writeCard(null, facts(base, raggedPlan(base), layout));
    expect(card).toContain(text);
    expect(card).toMatch(/\| channels an expert(, zeros left out)? \| 0 to 32, \d+\.\d on average \|/);
    expect(card.includes('zeros left out')).toBe(layout === 'materialised' || layout === 'masked');
  });

  it('says that the materialised layout holds copies', async () => {
    const { card } = await cardOf('materialised');
    expect(card).toContain('stock, with a copy of the expert for each slot that shares it');
    expect(card).not.toContain('trust_remote_code');
    expect(card).toContain('| experts a layer | 16 (4 different), 16 (5 different) |');
  });

  it('says what loads the folder, and how', async () => {
    const { card } = await cardOf('materialised');
    expect(card).toContain('| transformers | yes');
    expect(card).toContain('vllm serve');
    const { card: compact } = await cardOf('compact');
    expect(compact).toContain(
      '| vLLM | no. It does not read the compact layout: choose the layout materialised.',
    );
    expect(compact).not.toContain('vllm serve');
  });

  it('has metadata of its own, with the base, its licence and none of its scores', async () => {
    const base = { ...(await openFixture('olmoe')), id: 'allenai/OLMoE', revision: 'a'.repeat(40) };
    const original = [
      '---',
      'license: other',
      'license_name: ai2',
      'license_link: LICENSE',
      'language: [en, de]',
      'pipeline_tag: text-generation',
      'tags: [olmo, moe]',
      'base_model: allenai/OLMo',
      'co2_eq_emissions: 5',
      'model-index:',
      '- name: OLMoE',
      '  results:',
      '  - { task: { type: text-generation }, metrics: [{ type: acc, value: 62.1 }] }',
      '---',
      '# OLMoE',
      'ARC: 62.1',
    ].join('\n');
    const card = writeCard(original, facts(base, dropPlan(base), 'materialised'));
    expect(metadataIn(card)).toEqual({
      library_name: 'transformers',
      base_model: 'allenai/OLMoE',
      base_model_relation: 'finetune',
      license: 'other',
      license_name: 'ai2',
      license_link: 'LICENSE',
      language: ['en', 'de'],
      pipeline_tag: 'text-generation',
      tags: ['moe', 'moepress', 'example'],
    });
    expect(card).toContain('# OLMoE, compressed by example\n');
    expect(card).toContain('https://huggingface.co/allenai/OLMoE');
    expect(card).not.toContain('62.1');
  });

  it.each([
    ['no list', '---\nlicense: { a: 1 }\nlanguage: [1]\npipeline_tag: ""\n---\n'],
    ['no YAML', '---\nlicense: [apache\n---\n'],
    ['no end', '---\nlicense: apache-2.0\n'],
    ['too deep', `---\nlicense: ${'['.repeat(60_000)}\n---\n`],
    ['another kind', '---\n- license\n---\n'],
  ])('carries nothing over from metadata with %s', async (_, original) => {
    const base = await openFixture('olmoe');
    const card = writeCard(original, facts(base, dropPlan(base), 'materialised'));
    expect(Object.keys(metadataIn(card))).toEqual(['library_name', 'tags']);
  });

  it('lets nothing in a plan break out of its cell', async () => {
    const base = await openFixture('olmoe');
    const plan = dropPlan(base);
    plan.method.name = 'x | y\n\n# Injected <script>';
    plan.method.package = '![image](https://example.org)';
    const card = writeCard(null, facts(base, plan, 'materialised'));
    expect(card).toContain('| method | x \\| y # Injected &lt;script> (!\\[image](https');
    expect(card.match(/^#+ .*/gm)).toEqual([
      expect.stringMatching(/^# \S+, compressed by x \\\| y # Injected &lt;script>$/),
      '## What loads it',
      '## What to know',
    ]);
    expect(metadataIn(card).tags).toEqual(['moe', 'moepress']);
  });

  it('says when quantised weights had to be written in full', async () => {
    const base = await openFixture('olmoe');
    const plan = dropPlan(base);
    const of = (quantised: boolean) => writeCard(null, { ...facts(base, plan, 'materialised'), quantised });
    expect(of(false)).toContain('| weights | BF16');
    expect(of(true)).not.toContain('| weights |');
  });

  it('names the base of a compressed base that is a folder', async () => {
    const base = await openFixture('olmoe');
    const hub = { ...base, id: 'allenai/OLMoE', revision: 'a'.repeat(40) };
    const first = writeCard(null, facts(hub, dropPlan(hub), 'materialised'));
    const second = writeCard(first, facts(base, dropPlan(base), 'materialised'));
    expect(metadataIn(second).base_model).toBe('allenai/OLMoE');
    expect(second).toContain('[README.base.md](README.base.md)');
  });
});
