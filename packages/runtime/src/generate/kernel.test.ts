import { openModel } from '@moepress/checkpoint';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type EngineSpan, engineSpans } from '../engine/worker.js';
import { kernelBytes } from '../kernel/placement.js';
import { ModelRunner, type RunnerOptions } from '../runner.js';
import { fixtures } from '../testing/golden.js';

/** Enough tokens for the kernel to be worth its while. */
const options = { maxNewTokens: 64, eosTokenIds: [] };

/** Calls `use` and yields how many workers have read a head for the kernel. */
async function headsRead(use: () => Promise<void>): Promise<number> {
  let count = 0;
  const counter = (span: unknown) => {
    if ((span as EngineSpan).kind === 'head') count++;
  };
  engineSpans.subscribe(counter);
  try {
    await use();
    return count;
  } finally {
    engineSpans.unsubscribe(counter);
  }
}

async function generated(model: string, prompts: readonly number[][], asked: RunnerOptions = {}) {
  const runner = await ModelRunner.open(await openModel(model), { threads: 2, workers: 2, ...asked });
  try {
    return await runner.generate(prompts, options);
  } finally {
    await runner.dispose();
  }
}

it.each(fixtures.filter(({ name }) => /olmoe|deepseek_v3/.test(name)))(
  'the kernel continues $name as the graph does',
  async ({ load }) => {
    const { model, sequences, greedy } = await load();
    const byKernel = await headsRead(async () => {
      const kernel = kernelBytes((await openModel(model)).head, 2);
      const tokens = await generated(model, [...sequences], { few: 0, kernel });
      for (const [i, first] of greedy.entries()) expect(tokens[i]!.slice(0, first.length)).toEqual(first);
      const byGraph = await headsRead(async () => {
        expect(await generated(model, [...sequences], { few: 0, kernel: 0 })).toEqual(tokens);
      });
      expect(byGraph).toBe(0);
    });
    expect(byKernel).toBe(2);
  },
);

it('continues any prompts in any order as each alone', async () => {
  const { model, sequences } = await fixtures[0]!.load();
  const prompts = [...sequences, ...sequences.map((ids) => ids.slice(0, 5))];
  const runner = await ModelRunner.open(await openModel(model), { threads: 2, workers: 2 });
  try {
    const alone: number[][] = [];
    for (const prompt of prompts) alone.push(...(await runner.generate([prompt], options)));
    const some = fc.array(fc.nat(prompts.length - 1), { minLength: 1, maxLength: 9 });
    const property = fc.asyncProperty(some, async (chosen) => {
      const together = await runner.generate(
        chosen.map((i) => prompts[i]!),
        options,
      );
      expect(together).toEqual(chosen.map((i) => alone[i]!));
    });
    await fc.assert(property, { numRuns: 4 });
  } finally {
    await runner.dispose();
  }
});
