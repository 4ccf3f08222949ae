import { readdirSync } from 'node:fs';
import { architectures, openModel } from '@moepress/checkpoint';
import { afterAll, describe, it } from 'vitest';
import { Engine } from './engine/engine.js';
import { ModelRunner } from './runner.js';
import { familyReferences } from './testing/golden.js';
import { expectAnswers, expectGradients, expectTraces } from './testing/parity.test.util.js';

const shared = process.env.MOEPRESS_SHARED;
const known = new Set(architectures.map(({ modelType }) => modelType));
/** Those that there are references of. */
const families = shared ? readdirSync(`${shared}/golden/families`).filter((name) => known.has(name)) : [];
/** Where transformers' own two ways through the delta rule differ by up to 1e-4; 2e-4 in the others. */
const tolerances: Readonly<Record<string, number>> = {
  ...Object.fromEntries(
    ['qwen3_next', 'qwen3_5_moe', 'qwen3_5_moe_text', 'kimi_linear'].map((family) => [family, 5e-4]),
  ),
};
const references = shared ? familyReferences(shared, families) : [];

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
