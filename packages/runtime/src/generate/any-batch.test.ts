import { openModel } from '@moepress/checkpoint';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type EngineSpan, engineSpans } from '../engine/worker.js';
import { ModelRunner } from '../runner.js';
import { fixtures } from '../testing/golden.js';

/** Sinks and windows with biased experts, and latent attention with shared experts and a dense block. */
const families = ['gpt_oss', 'deepseek_v2'] as const;

const batches = fc.array(
  fc.record({ stem: fc.nat({ max: 1 }), length: fc.constantFrom(1, 5, 12), until: fc.nat({ max: 3 }) }),
  { minLength: 5, maxLength: 9 },
);

/** Logarithms of probabilities that are as near as this are a tie, which either token may win. */
const tie = 1e-4;

it.each(families)(
  '%s: sequences decoded together, in any order, get the tokens they get alone',
  async (family) => {
    const { model: folder } = await fixtures.find(({ name }) => name.startsWith(`${family} `))!.load();
    const model = await openModel(folder);
    const [alone, together] = await Promise.all([
      ModelRunner.open(model, { residency: 'resident', workers: 1 }),
      ModelRunner.open(model, { residency: 'resident', workers: 2, threads: 2, leastProducts: 0 }),
    ]);
    const opened = new Set<string>();
    const note = (span: unknown) => opened.add((span as EngineSpan).what);
    const most = 3;
    const known = new Map<string, readonly number[]>();
    const generatedAlone = async (ids: readonly number[]) => {
      const found =
        known.get(ids.join()) ?? (await alone.generate([ids], { maxNewTokens: most, eosTokenIds: [] }))[0]!;
      known.set(ids.join(), found);
      return found;
    };
    const logprob = async (ids: readonly number[]) =>
      (await alone.scoreTokens([{ ids, from: ids.length - 1 }]))[0]![0]!.logprob;
    engineSpans.subscribe(note);
    try {
      await fc.assert(
        fc.asyncProperty(batches, async (given) => {
          const prompts = given.map(({ stem, length }) =>
            Array.from({ length }, (_, i) => (i * 7 + stem * 11 + 1) % Math.min(50, model.config.vocabSize)),
          );
          const stop = (ids: readonly number[], index: number) => ids.length > given[index]!.until;
          const results = await together.generate(prompts, { maxNewTokens: most, eosTokenIds: [], stop });
          for (const [i, ids] of results.entries()) {
            expect(ids).toHaveLength(Math.min(most, given[i]!.until + 1));
            const expected = (await generatedAlone(prompts[i]!)).slice(0, ids.length);
            const other = ids.findIndex((id, t) => id !== expected[t]);
            if (other < 0) continue;
            const before = [...prompts[i]!, ...ids.slice(0, other)];
            const gap =
              (await logprob([...before, ids[other]!])) - (await logprob([...before, expected[other]!]));
            expect(Math.abs(gap)).toBeLessThan(tie);
          }
        }),
        { numRuns: 4 },
      );
    } finally {
      engineSpans.unsubscribe(note);
      await Promise.all([alone, together].map((runner) => runner.dispose()));
    }
    // Experts have been divided.
    expect([...opened]).toContain('experts.0.1');
  },
);
