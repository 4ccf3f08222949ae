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
    ...asked,
  });
  try {
    return { tokens: await runner.generate(prompts, options), byFew };
  } finally {
    await runner.dispose();
    engineSpans.unsubscribe(counter);
  }
}

const named = (name: string) => fixtures.find((fixture) => fixture.name.startsWith(name))!;

// Two threads, and one alone, as it is with models as small as these.
it.each([
  { ...named('olmoe'), threads: 2, asked: { leastProducts: 0 } },
  { ...named('gpt_oss'), threads: 1, asked: {} },
])(
  'few sequences of $name continue in $threads threads as the graph continues them',
  async ({ load, threads, asked }) => {
    const { model, sequences, greedy } = await load();
    const few = await generated(model, [...sequences], asked);
    for (const [i, first] of greedy.entries()) {
      expect(few.tokens[i]!.slice(0, first.length)).toEqual(first.slice(0, options.maxNewTokens));
    }
    expect(few.byFew).toBeGreaterThan(threads * (options.maxNewTokens - 1));
    const graph = await generated(model, [...sequences], { ...asked, few: 0 });
    expect(graph.tokens).toEqual(few.tokens);
    expect(graph.byFew).toBe(0);
  },
);

it('continues calls that wait behind one that fails, or is stopped, between two tokens', async () => {
  const { model, sequences, greedy } = await named('olmoe').load();
  await using runner = await ModelRunner.open(await openModel(model), { threads: 1, workers: 1 });
  const asked = { maxNewTokens: 32, eosTokenIds: [] };
  const refusal = new Error('Nobody wants the fifth token.');
  const refuses = {
    wants: () => true,
    choose({ newIds, likeliest }: Choice) {
      if (newIds.length === 4) throw refusal;
      return likeliest;
    },
  };
  const stopping = new AbortController();
  const stop = (newIds: readonly number[]) => {
    if (newIds.length === 4) stopping.abort();
    return false;
  };
  const [failed, stopped, one, all] = await Promise.allSettled([
    runner.generate(sequences, { ...asked, chooser: refuses }),
    runner.generate(sequences, { ...asked, stop, signal: stopping.signal }),
    runner.generate(sequences.slice(0, 1), asked),
    runner.generate(sequences, asked),
  ]);
  expect(failed).toMatchObject({ reason: refusal });
  expect(stopped).toMatchObject({ reason: { code: 'ABORTED' } });
  const tokens = (all as PromiseFulfilledResult<number[][]>).value;
  expect(one).toMatchObject({ value: tokens.slice(0, 1) });
  for (const [i, first] of greedy.entries()) {
    expect(tokens[i]!.slice(0, first.length)).toEqual(first.slice(0, asked.maxNewTokens));
  }
});
