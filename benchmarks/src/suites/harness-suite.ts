import { openModel } from '@moepress/checkpoint';
import type { Tokenizer } from '@moepress/core';
import { type ScoredPair, tokenizedLanguageModel } from '@moepress/harness';
import { ModelRunner } from '@moepress/runtime';
import { Bench } from 'tinybench';
import { walks } from '../flops.js';

const plain = { requests: 4, length: 512, continuation: 4 } as const;
/** Like MMLU's: the questions of five examples, and a letter. */
const choices = { questions: 4, length: 256, answers: [11, 22, 33, 44] } as const;
const rounds = 6;

/** Text is ids with blanks between them, so that a checkpoint without a tokenizer can be asked. */
const tokenizer: Tokenizer = {
  bosTokenId: null,
  eosTokenId: 0,
  encode: (text) => text.split(' ').filter(Boolean).map(Number),
  decode: (ids) => ids.join(' '),
};

/**
 * What the harness adds to the runtime: text scored by it against ids of the same tokens going through the runner
 * alone. And what it saves: the four answers to a question in one go, against one after the other.
 */
export async function harnessSuite(directory: string): Promise<void> {
  const model = await openModel(directory);
  const runner = await ModelRunner.open(model, { residency: 'resident' });
  try {
    const harness = tokenizedLanguageModel({ tokenizer, engine: runner, name: 'benchmark' });
    const sequences = walks(model, plain.requests, plain.length);
    const contexts = walks(model, choices.questions, choices.length);
    const asked = contexts.flatMap((ids) => choices.answers.map((answer) => pairOf([...ids, answer], 1)));
    const scored = await inTurns({
      harness: () => harness.loglikelihood(sequences.map((ids) => pairOf(ids, plain.continuation))),
      bare: () => runner.score(sequences.map((ids) => ({ ids, from: ids.length - plain.continuation }))),
    });
    const answered = await inTurns({
      together: () => harness.loglikelihood(asked),
      async naive() {
        // An answer of each question at a time: no two sequences begin alike.
        for (const answer of choices.answers) {
          await runner.score(contexts.map((ids) => ({ ids: [...ids, answer], from: ids.length })));
        }
      },
    });
    const tokens = plain.requests * plain.length;
    const speed = (name: 'harness' | 'bare') =>
      `${(tokens / median(scored.map((seconds) => seconds[name]))).toFixed(0)} tokens/s`;
    console.log(
      `harness over ${model.blocks.length} layers, ${plain.requests} requests of ${plain.length} tokens`,
    );
    console.log(
      `  text through the harness ${speed('harness')}, ids through the runtime ${speed('bare')}: ${median(scored.map(({ harness, bare }) => bare / harness)).toFixed(3)} of it`,
    );
    console.log(
      `  ${choices.answers.length} answers to each of ${choices.questions} questions of ${choices.length} tokens: ${median(answered.map(({ together, naive }) => naive / together)).toFixed(2)} x as fast as each by itself`,
    );
  } finally {
    await runner.dispose();
  }
}

/** The last `count` of some ids as the continuation of the others. */
function pairOf(ids: readonly number[], count: number): ScoredPair {
  return {
    context: tokenizer.decode(ids.slice(0, -count)),
    continuation: ` ${tokenizer.decode(ids.slice(-count))}`,
  };
}

/**
 * Seconds of each, some rounds through everything, there and back: a machine that slows down slows the whole of a
 * round, and what follows something long (whose memory the system takes back) is another the next time.
 */
async function inTurns<Name extends string>(
  work: Readonly<Record<Name, () => Promise<unknown>>>,
): Promise<Record<Name, number>[]> {
  const there = Object.entries<() => Promise<unknown>>(work);
  const taken: Record<Name, number>[] = [];
  for (let round = 0; round <= rounds; round++) {
    const bench = new Bench({ iterations: 1, time: 0, warmup: false });
    for (const [name, run] of round % 2 === 0 ? there : there.toReversed()) {
      bench.add(name, async () => {
        await run();
      });
    }
    const tasks = await bench.run();
    const seconds = tasks.map(({ name, result }) => [
      name,
      (result as { latency: { mean: number } }).latency.mean / 1000,
    ]);
    // The first round pays for reading the weights.
    if (round > 0) taken.push(Object.fromEntries(seconds));
  }
  return taken;
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return (sorted[Math.floor((sorted.length - 1) / 2)]! + sorted[Math.ceil((sorted.length - 1) / 2)]!) / 2;
}
