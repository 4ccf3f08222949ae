import { type Model, measure } from '@moepress/core';
import { ModelRunner } from '@moepress/runtime';
import { Bench } from 'tinybench';
import { gigabytes, walks } from './flops.js';

const prefill = { sequences: 4, length: 1024 } as const;
const decode = { prompt: 32, tokens: 16 } as const;
const rounds = 3;

/** Prints speed and size of resident models, compared with those of the first. */
export async function compareSpeed(models: Readonly<Record<string, Model>>): Promise<void> {
  const results = [...(await inTurns(models))];
  const [, original] = results[0]!;
  const bytes = Object.values(models).map((model) => measure(model).total.bytes);
  for (const [i, [name, speed]] of results.entries()) {
    const times = (what: keyof Speed) => `${(speed[what] / original[what]).toFixed(2)} x`;
    console.log(
      `  ${name}: prefill ${speed.prefill.toFixed(0)} tokens/s (${times('prefill')}), decode ${speed.decode.toFixed(1)} tokens/s (${times('decode')}), ${gigabytes(bytes[i]!)} of weights (${(bytes[i]! / bytes[0]!).toFixed(2)} x)`,
    );
  }
}

/** Tokens per second. */
export interface Speed {
  readonly prefill: number;
  readonly decode: number;
}

/**
 * The best result of each model from a few rounds, each of which runs all models, so that a machine that slows down
 * slows all of them.
 */
async function inTurns(models: Readonly<Record<string, Model>>): Promise<Map<string, Speed>> {
  const best = new Map<string, Speed>();
  const runners: [string, Model, ModelRunner][] = [];
  try {
    for (const [name, model] of Object.entries(models)) {
      runners.push([name, model, await ModelRunner.open(model, { residency: 'resident' })]);
    }
    for (let round = 0; round < rounds; round++) {
      for (const [name, model, runner] of runners) {
        const speed = await speedOf(model, runner);
        const before = best.get(name) ?? { prefill: 0, decode: 0 };
        best.set(name, {
          prefill: Math.max(before.prefill, speed.prefill),
          decode: Math.max(before.decode, speed.decode),
        });
      }
    }
  } finally {
    for (const [, , runner] of runners) await runner.dispose();
  }
  return best;
}

async function speedOf(model: Model, runner: ModelRunner): Promise<Speed> {
  const sequences = walks(model, prefill.sequences, prefill.length);
  const prompt = walks(model, 1, decode.prompt);
  const bench = new Bench({ iterations: 1, time: 0, warmup: false });
  bench.add('prefill', async () => {
    await runner.score(sequences.map((ids) => ({ ids, from: ids.length - 1 })));
  });
  bench.add('first', async () => {
    await runner.generate(prompt, { maxNewTokens: 1, eosTokenIds: [] });
  });
  bench.add('decode', async () => {
    await runner.generate(prompt, { maxNewTokens: 1 + decode.tokens, eosTokenIds: [] });
  });
  const [all, first, more] = (await bench.run()).map(
    ({ result }) => (result as { latency: { mean: number } }).latency.mean / 1000,
  ) as [number, number, number];
  return {
    prefill: (prefill.sequences * prefill.length) / all,
    decode: decode.tokens / (more - first),
  };
}
