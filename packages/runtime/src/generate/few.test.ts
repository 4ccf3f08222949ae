import { openModel } from '@moepress/checkpoint';
import { expect, it } from 'vitest';
import { type EngineSpan, engineSpans } from '../engine/worker.js';
import { ModelRunner, type RunnerOptions } from '../runner.js';
import { fixtures } from '../testing/golden.js';
import type { Choice } from './choose.js';

/** Enough tokens for it to be worth its while; somebody looks at the logits of the second prompt. */
const options = {
  maxNewTokens: 32,
  eosTokenIds: [],
  chooser: {
    wants: (index: number) => index === 1,
    choose: ({ logits, likeliest }: Choice) => {
      const best = logits.reduce((place, logit, i) => (logit > logits[place]! ? i : place), 0);
      expect(best).toBe(likeliest);
      return likeliest;
    },
  },
};

async function generated(model: string, prompts: readonly number[][], asked: RunnerOptions = {}) {
  let byFew = 0;
  const counter = (span: unknown) => {
    if ((span as EngineSpan).kind === 'few') byFew++;
  };
  engineSpans.subscribe(counter);
  const runner = await ModelRunner.open(await openModel(model), {
    threads: 2,
    workers: 2,
    leastProducts: 0,
    ...asked,
  });
  try {
    return { tokens: await runner.generate(prompts, options), byFew };
  } finally {
    await runner.dispose();
    engineSpans.unsubscribe(counter);
  }
}

it.each(fixtures.filter(({ name }) => /olmoe|gpt_oss/.test(name)))(
  'few sequences of $name continue as the graph continues them',
  async ({ load }) => {
    const { model, sequences, greedy } = await load();
    const few = await generated(model, [...sequences]);
    for (const [i, first] of greedy.entries()) {
      expect(few.tokens[i]!.slice(0, first.length)).toEqual(first.slice(0, options.maxNewTokens));
    }
    expect(few.byFew).toBeGreaterThan(2 * options.maxNewTokens - 2);
    const graph = await generated(model, [...sequences], { few: 0 });
    expect(graph.tokens).toEqual(few.tokens);
    expect(graph.byFew).toBe(0);
  },
);
