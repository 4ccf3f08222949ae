import { applyPlan, type CompressionPlan, type Model, planHash } from '@moepress/core';
import { describe, expect, it } from 'vitest';
import { dropPlan, openFixture, remapPlan } from '../support.test.util.js';
import { type CardFacts, writeCard } from './card.js';

function facts(base: Model, plan: CompressionPlan, compact: boolean): CardFacts {
  const model = applyPlan(base, plan);
  return { model, base, plan, compact, runsInTransformers: true, quantised: true };
}

async function cardOf(compact: boolean) {
  const base = await openFixture('olmoe');
  const plan = remapPlan(base);
  return { plan, card: writeCard(null, facts(base, plan, compact)) };
}

describe('the model card', () => {
  it('says how the checkpoint was made', async () => {
    const { card, plan } = await cardOf(true);
    expect(card).toContain('| method | example (@moepress/plugin-example 1.2.3) |');
    expect(card).toContain(`| plan | sha256 ${planHash(plan)} |`);
    expect(card).toContain('4 sequences, 2048 tokens, seed 7');
    // 4 and 5 of 16 experts remain, the fifth borrowed by the second layer but stored in the first.
    expect(card).toContain('| removed of the routed experts | 71.9 % |');
    expect(card).toMatch(/\| removed of the whole model \| \d+\.\d % \|/);
    expect(card).toContain('trust_remote_code=True');
  });

  it('says that the materialised layout holds copies', async () => {
    const { card } = await cardOf(false);
    expect(card).toContain('stock, with a copy of the expert for each slot that shares it');
    expect(card).not.toContain('trust_remote_code');
  });

  it('names the base of a Hub model', async () => {
    const base = { ...(await openFixture('olmoe')), id: 'allenai/OLMoE', revision: 'a'.repeat(40) };
    const plan = dropPlan(base);
    const card = writeCard(null, facts(base, plan, false));
    expect(card).toMatch(/^---\nlibrary_name: transformers\nbase_model: allenai\/OLMoE\n/);
    expect(card).toContain('# OLMoE\n');
  });

  it('lets nothing in a plan break out of its cell', async () => {
    const base = await openFixture('olmoe');
    const plan = dropPlan(base);
    plan.method.name = 'x | y\n\n# Injected <script>';
    plan.method.package = '![image](https://example.org)';
    const card = writeCard('# Mine\n', facts(base, plan, false));
    expect(card).toContain('| method | x \\| y # Injected &lt;script> (!\\[image](https');
    expect(card.startsWith('# Mine\n\n## Compression\n')).toBe(true);
  });

  it('says when quantised weights had to be written in full', async () => {
    const base = await openFixture('olmoe');
    const plan = dropPlan(base);
    const of = (quantised: boolean) => writeCard(null, { ...facts(base, plan, false), quantised });
    expect(of(false)).toContain('| weights | BF16');
    expect(of(true)).not.toContain('| weights |');
  });

  it('keeps the figures of a compressed base, but not how that one was loaded', async () => {
    const base = await openFixture('olmoe');
    const plan = dropPlan(base);
    const { card: first } = await cardOf(true);
    const second = writeCard(first, facts(base, plan, false));
    expect(second.match(/^## .*/gm)).toEqual(['## Compression of the base model', '## Compression']);
    expect(second.match(/^\| method \|/gm)).toHaveLength(2);
    expect(second.match(/moepress_plan\.json/g)).toHaveLength(1);
    expect(second).not.toContain('trust_remote_code');
  });
});
