import { openModel } from '@moepress/checkpoint';
import { type Attention, type LatentAttention, type Model, rows, type TensorExpr } from '@moepress/core';
import { GraphBuilder } from '@moepress/graph';
import { describe, expect, it } from 'vitest';
import { tensor } from '../../engine/protocol.js';
import { EngineWorker } from '../../engine/worker.js';
import { ModelRunner } from '../../runner.js';
import { fixtures, maxDifference } from '../../testing/golden.js';
import { runGraph } from '../../testing/run-graph.js';
import { rotaryTables } from '../../tokens/rotary-tables.js';
import { differentiableBlock } from '../block-gradient.js';

const golden = (family: string) => fixtures.find(({ name }) => name.startsWith(`${family} `))!.load();

/** The family's model with other attention in every block. */
async function varied(family: string, vary: (attention: Attention) => Attention) {
  const { model: folder, sequences } = await golden(family);
  const model = await openModel(folder);
  const blocks = model.blocks.map((block) => ({ ...block, attention: vary(block.attention as Attention) }));
  return { model: { ...model, blocks } satisfies Model, sequences };
}

/** The states after each block, by operators that have derivatives. */
async function plainly(
  model: Model,
  ids: readonly number[],
  embedded: Float32Array,
): Promise<Float32Array[]> {
  const worker = new EngineWorker(1);
  const { hiddenSize, rope } = model.config;
  const [n, half] = [ids.length, rope.dim / 2];
  const positions = Int32Array.from(ids, (_, t) => t);
  const { cos, sin } = rotaryTables(
    rope,
    positions,
    ids.map(() => n),
  );
  const states: Float32Array[] = [];
  try {
    for (const block of model.blocks) {
      const graph = new GraphBuilder('plain');
      const hidden = graph.input('hidden', 'float32', ['T', hiddenSize]);
      const angles = {
        cos: graph.input('cos', 'float32', ['T', half]),
        sin: graph.input('sin', 'float32', ['T', half]),
      };
      graph.output('after', differentiableBlock(model, block, hidden, angles).hiddenOut);
      const feeds = {
        hidden: tensor('float32', [n, hiddenSize], states.at(-1) ?? embedded),
        cos: tensor('float32', [n, half], cos),
        sin: tensor('float32', [n, half], sin),
      };
      const { after } = await runGraph(worker, graph.finish(), feeds);
      states.push(after!.data as Float32Array);
    }
    return states;
  } finally {
    await worker.dispose();
  }
}

const gqa = (change: { window?: number; sinks?: null }) => (attention: Attention) =>
  attention.kind === 'gqa' ? { ...attention, ...change } : attention;

/** Only `content` plain dimensions a head, so that values are wider than queries and keys. */
function narrowContent(attention: Attention, content: number): Attention {
  if (attention.kind !== 'mla') return attention;
  const { heads, contentDim, valueDim, headDim, rope, q, kvUp } = attention;
  const kept = (size: number, unwanted: (i: number) => boolean) =>
    Array.from({ length: heads * size }, (_, i) => i).filter((i) => !unwanted(i % size));
  const dropped = (i: number) => i >= content && i < contentDim;
  const take = (linear: LatentAttention['kvUp'], size: number) => ({
    ...linear,
    weight: rows(linear.weight, kept(size, dropped)) as TensorExpr,
  });
  return {
    ...attention,
    contentDim: content,
    headDim: content + rope.dim,
    q: { ...q, up: take(q.up, headDim) },
    kvUp: take(kvUp, contentDim + valueDim),
  };
}

interface Variation {
  readonly title: string;
  readonly family: string;
  readonly matters: boolean;
  vary(attention: Attention): Attention;
}

const variations: Variation[] = [
  { title: 'a window of itself alone', family: 'olmoe', matters: true, vary: gqa({ window: 1 }) },
  { title: 'a window of three tokens', family: 'qwen3_moe', matters: true, vary: gqa({ window: 3 }) },
  {
    title: 'a window longer than the sequence',
    family: 'mixtral',
    matters: false,
    vary: gqa({ window: 100 }),
  },
  { title: 'a window and no sinks', family: 'gpt_oss', matters: true, vary: gqa({ window: 5, sinks: null }) },
  {
    title: 'values wider than keys',
    family: 'deepseek_v2',
    matters: true,
    vary: (attention) => narrowContent(attention, 2),
  },
  {
    title: 'rotated halves and another scale',
    family: 'deepseek_v3',
    matters: true,
    vary: (attention) => ({ ...attention, scale: 0.1, rope: { ...attention.rope, pairing: 'halves' } }),
  },
];

describe.each(variations)('attention with $title', ({ family, matters, vary }) => {
  it('is the same fused, spelled out, and with a cache', async () => {
    const { model, sequences } = await varied(family, vary);
    const [streamed, resident, original] = [
      await ModelRunner.open(model, { residency: 'streamed' }),
      await ModelRunner.open(model, { residency: 'resident' }),
      await ModelRunner.open(await openModel((await golden(family)).model), { residency: 'streamed' }),
    ];
    try {
      const ids = sequences[2]!;
      const [trace] = await streamed.trace([ids, sequences[1]!]);
      const [embedded, ...fused] = trace!.hidden.map(({ data }) => data as Float32Array);
      for (const [i, state] of (await plainly(model, ids, embedded!)).entries()) {
        expect(maxDifference(fused[i]!, state)).toBeLessThan(1e-4);
      }
      const [before] = await original.trace([ids]);
      const difference = maxDifference(
        trace!.logits.data as Float32Array,
        before!.logits.data as Float32Array,
      );
      if (matters) expect(difference).toBeGreaterThan(1e-2);
      else expect(difference).toBeLessThan(1e-5);
      const options = { maxNewTokens: 6, eosTokenIds: [] };
      expect(await resident.generate(sequences, options)).toEqual(
        await streamed.generate(sequences, options),
      );
    } finally {
      await Promise.all([streamed, resident, original].map((runner) => runner.dispose()));
    }
  });
});
