import { architectures, openModel } from '@moepress/checkpoint';
import { afterAll, describe, expect, it } from 'vitest';
import { Engine } from './engine/engine.js';
import { ModelRunner } from './runner.js';
import { familyReferences } from './testing/golden.js';
import { expectAnswers, expectGradients, expectTraces } from './testing/parity.test.util.js';

const shared = process.env.MOEPRESS_SHARED;
const families = [
  ...['dots1', 'glm4_moe', 'glm4_moe_lite', 'hy_v3', 'kimi_k2', 'minimax_m2', 'solar_open'],
  ...['ernie4_5_moe', 'exaone_moe', 'flex_olmo', 'granitemoe', 'hunyuan_v1_moe'],
  ...['afmoe', 'cohere2_moe', 'gemma4_text', 'llama4', 'mimo_v2_flash', 'phimoe'],
  ...['qwen3_next', 'qwen3_5_moe', 'qwen3_5_moe_text'],
  ...['deepseek_v32', 'glm_moe_dsa', 'mistral4'],
];
/** Where transformers' own two ways through the delta rule differ by up to 1e-4; 2e-4 in the others. */
const tolerances: Readonly<Record<string, number>> = {
  ...Object.fromEntries(['qwen3_next', 'qwen3_5_moe', 'qwen3_5_moe_text'].map((family) => [family, 5e-4])),
};
const references = shared ? familyReferences(shared, families) : [];

it('are families that can be opened', () => {
  expect(architectures.map(({ modelType }) => modelType)).toEqual(expect.arrayContaining(families));
});

describe.runIf(shared).each(references)('$name against transformers', ({ name, load }) => {
  const one = { workers: 1, threads: 1 };
  const engine = new Engine(one);
  afterAll(() => engine.dispose());

  it('a padded batch, scores, 16 greedy tokens and gradients', async () => {
    for (const [key, residency] of [
      ['fp32', 'streamed'],
      ['bf16w', 'resident'],
    ] as const) {
      const golden = await load(key);
      const runner = await ModelRunner.open(await openModel(golden.model), { ...one, residency });
      try {
        await expectTraces(runner, golden, tolerances[name]);
        // Streamed, generation opens every block again for each token.
        if (residency === 'resident') await expectAnswers(runner, golden);
      } finally {
        await runner.dispose();
      }
    }
    await expectGradients(engine, await load('fp32'));
  });
});
