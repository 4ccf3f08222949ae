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
  const results = new Map<string, { prefill: number; decode: number }>();
  for (const [name, model] of Object.entries(models)) results.set(name, await speeds(model));
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

/** Tokens per second, the best of a few runs. */
async function speeds(model: Model): Promise<{ prefill: number; decode: number }> {
  const runner = await ModelRunner.open(model, { residency: 'resident' });
  try {
    const sequences = walks(model, prefill.sequences, prefill.length);
    const prompt = walks(model, 1, decode.prompt);
    const bench = new Bench({ iterations: 3, time: 0, warmupIterations: 1, warmupTime: 0 });
    bench.add('prefill', async () => {
      await runner.score(sequences.map((ids) => ({ ids, from: ids.length - 1 })));
    });
    bench.add('first', async () => {
      await runner.generate(prompt, { maxNewTokens: 1, eosTokenIds: [] });
    });
    bench.add('decode', async () => {
      await runner.generate(prompt, { maxNewTokens: 1 + decode.tokens, eosTokenIds: [] });
    });
    const seconds = (await bench.run()).map(
      ({ result }) => (result as { latency: { min: number } }).latency.min / 1000,
    );
    const [all, first, more] = seconds as [number, number, number];
    return {
      prefill: (prefill.sequences * prefill.length) / all,
      decode: decode.tokens / (more - first),
    };
  } finally {
    await runner.dispose();
  }
}
