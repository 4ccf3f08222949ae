import { findArchitecture } from '@moepress/checkpoint';
import { applyPlan, type CompressionPlan, countParameters, type Model, planHash } from '@moepress/core';
import { describe, expect, it } from 'vitest';
import { dropPlan, openFixture, raggedPlan, remapPlan } from '../support.test.util.js';
import { type CardFacts, writeCard } from './card.js';
import { arrange, type ExpertLayout } from './layout.js';

function facts(base: Model, plan: CompressionPlan, layout: ExpertLayout): CardFacts {
  const model = applyPlan(base, plan);
  const { form } = arrange(model, findArchitecture(base.architecture, base.id), layout);
  const bytes = { routed: 98_304, whole: 2_000_000 };
  const parameters = countParameters(model);
  const prediction = { outcome: 'none', tensors: 0, reason: null } as const;
  return {
    model,
    base,
    plan,
    form,
    runsInTransformers: true,
    quantised: true,
    prediction,
    bytes,
    parameters,
  };
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

  it('names the base of a Hub model', async () => {
    const base = { ...(await openFixture('olmoe')), id: 'allenai/OLMoE', revision: 'a'.repeat(40) };
    const plan = dropPlan(base);
    const card = writeCard(null, facts(base, plan, 'materialised'));
    expect(card).toMatch(/^---\nlibrary_name: transformers\nbase_model: allenai\/OLMoE\n/);
    expect(card).toContain('# OLMoE\n');
  });

  it('lets nothing in a plan break out of its cell', async () => {
    const base = await openFixture('olmoe');
    const plan = dropPlan(base);
    plan.method.name = 'x | y\n\n# Injected <script>';
    plan.method.package = '![image](https://example.org)';
    const card = writeCard('# Mine\n', facts(base, plan, 'materialised'));
    expect(card).toContain('| method | x \\| y # Injected &lt;script> (!\\[image](https');
    expect(card.startsWith('# Mine\n\n## Compression\n')).toBe(true);
  });

  it('says when quantised weights had to be written in full', async () => {
    const base = await openFixture('olmoe');
    const plan = dropPlan(base);
    const of = (quantised: boolean) => writeCard(null, { ...facts(base, plan, 'materialised'), quantised });
    expect(of(false)).toContain('| weights | BF16');
    expect(of(true)).not.toContain('| weights |');
  });

  it('keeps the figures of a compressed base, but not how that one was loaded', async () => {
    const base = await openFixture('olmoe');
    const plan = dropPlan(base);
    const { card: first } = await cardOf('compact');
    const second = writeCard(first, facts(base, plan, 'materialised'));
    expect(second.match(/^## .*/gm)).toEqual(['## Compression of the base model', '## Compression']);
    expect(second.match(/^\| method \|/gm)).toHaveLength(2);
    expect(second.match(/moepress_plan\.json/g)).toHaveLength(1);
    expect(second).not.toContain('trust_remote_code');
  });
});
