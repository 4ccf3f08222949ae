import { existsSync } from 'node:fs';
import { openModel } from '@moepress/checkpoint';
import { applyPlan, encodeChannels, type LayerOp, type Model, measure, moeBlocks } from '@moepress/core';
import { toyPlan } from '@moepress/core/testing';
import { writeHuggingFace } from '@moepress/export';
import { ModelRunner } from '@moepress/runtime';
import { Bench } from 'tinybench';
import { gigabytes, walks } from '../flops.js';

const prefill = { sequences: 4, length: 1024 } as const;
const decode = { prompt: 32, tokens: 16 } as const;
const rounds = 3;

/**
 * Half of the channels of the routed experts gone: the same half from each (E), or experts from width 0
 * to whole (G). Written, opened again and compared with the original, all in turns.
 */
export async function widthsSuite(directory: string): Promise<void> {
  const base = await openModel(directory);
  const models = {
    original: base,
    E: await narrowed(base, `${directory}-E`, (width) => width / 2),
    G: await narrowed(base, `${directory}-G`, (width, share) => Math.round(width * share)),
  };
  const results = await inTurns(models);
  const original = results.get('original')!;
  console.log(`half of the channels, ${base.blocks.length} layers`);
  for (const [name, speed] of results) {
    const { routedExperts, total } = measure(models[name as keyof typeof models]);
    const times = (what: 'prefill' | 'decode') => `${(speed[what] / original[what]).toFixed(2)} x`;
    console.log(
      `  ${name}: prefill ${speed.prefill.toFixed(0)} tokens/s (${times('prefill')}), decode ${speed.decode.toFixed(1)} tokens/s (${times('decode')}), routed experts ${gigabytes(routedExperts.bytes)} of ${gigabytes(total.bytes)}`,
    );
  }
}

/** The checkpoint whose experts keep `width` channels, given their own width and how far along the layer they come. */
async function narrowed(
  base: Model,
  out: string,
  width: (own: number, share: number) => number,
): Promise<Model> {
  if (!existsSync(out)) {
    const layers = moeBlocks(base).map(({ index, ffn }) => {
      const channels = ffn.pool.map((expert, e) => {
        const kept = width(expert.width, e / (ffn.pool.length - 1));
        return encodeChannels([...Array(kept).keys()], expert.width);
      });
      const op: LayerOp = { op: 'keep-channels', channels };
      return { layer: index, ops: [op] };
    });
    const view = applyPlan(base, toyPlan(base, layers));
    await writeHuggingFace(view, out, { layout: 'compact' });
  }
  return openModel(out);
}

/** Tokens per second. */
interface Speed {
  readonly prefill: number;
  readonly decode: number;
}

/** The best of a few rounds, each through all models, so that a machine that slows down slows all of them. */
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
