import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileOutput } from '@moepress/checkpoint';
import { applyPlan, type Model, moeBlocks } from '@moepress/core';
import { afterAll, expect, it } from 'vitest';
import { dropPlan, failure, narrowPlan, openFixture, remapPlan } from '../../support.test.util.js';
import { planFile } from '../file/file-plan.js';
import { text } from '../file/metadata.js';
import { writePlannedFile } from '../file/write-file.js';
import { planGguf, writeGguf } from '../write-gguf.js';
import { type Importance, meanSquares } from './importance.js';
import { importanceOfView } from './importance-of-view.js';
import { namedImportance } from './measured-importance.js';
import { readImportance } from './read-importance.js';
import { writeImportance } from './write-importance.js';

const folder = mkdtempSync(join(tmpdir(), 'moepress-imatrix-'));
afterAll(() => rmSync(folder, { recursive: true }));

const claim = (name: string) => FileOutput.claim(join(folder, name), { isOwn: async () => true });
const base = await openFixture('olmoe');
const { pool } = moeBlocks(base)[0]!.ffn;
const { hiddenSize } = base.config;

/** Sums that tell the expert and the column: expert e met e + 1 tokens, column i has the mean square 100 e + i. */
function importanceOf(view: Model): Importance {
  const rows = (count: number, columns: number) =>
    Float64Array.from(
      { length: count * columns },
      (_, at) => (Math.floor(at / columns) + 1) * (100 * Math.floor(at / columns) + (at % columns)),
    );
  const measured = view.blocks.map(({ index, ffn }) => {
    if (ffn.kind !== 'moe') throw new Error('All layers of OLMoE have experts.');
    const widest = Math.max(...ffn.pool.map(({ width }) => width));
    const attention = { input: rows(1, hiddenSize), heads: rows(1, hiddenSize), count: 2 };
    const experts = {
      input: rows(ffn.pool.length, hiddenSize),
      activation: rows(ffn.pool.length, widest),
      counts: Float64Array.from(ffn.pool, (_, e) => e + 1),
    };
    return [index, { attention, mlp: null, experts }] as const;
  });
  return {
    tensors: namedImportance(planGguf(view, { type: 'f32' }).view.model, new Map(measured)),
    texts: ['a'],
  };
}

const importance = importanceOf(base);
const weighed = (view: Model, own: Importance) => {
  const { tensors, unweighed } = planGguf(view, { type: 'q4_0', importance: own });
  return { of: (name: string) => tensors.find((tensor) => tensor.name === name)?.importance, unweighed };
};

it('gives each slot the columns of the expert that it uses', () => {
  const view = applyPlan(base, remapPlan(base));
  const [{ ffn, index }] = moeBlocks(view) as [ReturnType<typeof moeBlocks>[0]];
  const { of, unweighed } = weighed(view, importanceOf(view));
  const gate = of(`blk.${index}.ffn_gate_exps.weight`)!;
  expect(gate.map((means) => means[3])).toEqual(ffn.slots.map((position) => 100 * position + 3));
  expect(of('blk.0.attn_output.weight')![0]![5]).toBe(2.5);
  expect(of('token_embd.weight')).toBeUndefined();
  expect(unweighed).toBe(0);
});

it('takes the rows and columns that stay of what was measured on the original', () => {
  const dropped = weighed(applyPlan(base, dropPlan(base)), importance);
  const ofExperts = dropped.of('blk.1.ffn_up_exps.weight')!;
  expect(ofExperts.map((means) => means[7])).toEqual(ofExperts.map((_, slot) => 100 * (2 * slot + 1) + 7));
  const narrow = planGguf(applyPlan(base, narrowPlan(base)), { type: 'f32' }).view.model;
  const ofDown = meanSquares(importanceOfView('blk.1.ffn_down_exps.weight', narrow, importance)!);
  expect(ofDown[2]).toHaveLength(pool[0]!.width / 2);
  expect(ofDown[2]![4]).toBe(204);
});

it('has one for all columns of an expert that met no token', () => {
  const means = meanSquares({ squares: Float32Array.of(0, 0, 8, 4), counts: Float32Array.of(0, 4) });
  expect(means.map((row) => [...row])).toEqual([
    [1, 1],
    [2, 1],
  ]);
});

it('is the same in a file, and in threads', async () => {
  await writeImportance(importance, await claim('imatrix.gguf'), { chunks: { count: 2, size: 8 } });
  const read = await readImportance(join(folder, 'imatrix.gguf'));
  expect(read).toEqual(importance);
  const options = { type: 'q4_0', importance: read } as const;
  await writeGguf(base, await claim('one.gguf'), options);
  await writeGguf(base, await claim('threads.gguf'), { ...options, threadedBytes: 0 });
  await writeGguf(base, await claim('plain.gguf'), { type: 'q4_0' });
  const [one, threads, plain] = ['one', 'threads', 'plain'].map((name) =>
    readFileSync(join(folder, `${name}.gguf`)),
  );
  expect(one!.equals(threads!)).toBe(true);
  expect(one!.filter((byte, i) => byte !== plain![plain!.length - one!.length + i]).length).toBeGreaterThan(
    1000,
  );
});

it('refuses files that are none, and those of another model', async () => {
  const rows = (values: readonly number[], shape: readonly number[]) =>
    ({ from: Float32Array.from(values), shape, type: 'f32' }) as const;
  const files = {
    kind: { kind: 'model', tensors: [] },
    lone: { kind: 'imatrix', tensors: [{ name: 'a.in_sum2', ...rows([1, 2], [1, 2]) }] },
    negative: {
      kind: 'imatrix',
      tensors: [
        { name: 'a.in_sum2', ...rows([1, -2], [1, 2]) },
        { name: 'a.counts', ...rows([1], [1, 1]) },
      ],
    },
    uneven: {
      kind: 'imatrix',
      tensors: [
        { name: 'a.in_sum2', ...rows([1, 2, 3], [1, 3]) },
        { name: 'a.counts', ...rows([1, 1], [2, 1]) },
      ],
    },
  };
  const problems: Record<keyof typeof files, string> = {
    kind: 'no importance matrix',
    lone: 'no a.counts',
    negative: 'negative',
    uneven: '3 numbers for 2 matrices',
  };
  for (const [name, { kind, tensors }] of Object.entries(files)) {
    const path = join(folder, `${name}.gguf`);
    await writePlannedFile(path, planFile(new Map([['general.type', text(kind)]]), tensors), {});
    const error = await failure(readImportance(path));
    expect(error.code).toBe('CHECKPOINT_INVALID');
    expect(error.message).toContain(problems[name as keyof typeof files]);
  }
  const other: Importance = {
    texts: [],
    tensors: new Map([['blk.0.attn_q.weight', { squares: new Float32Array(8), counts: Float32Array.of(1) }]]),
  };
  expect(() => planGguf(base, { type: 'q4_0', importance: other })).toThrow('1 matrices of 8 columns');
  expect(planGguf(base, { type: 'f16', importance: other }).unweighed).toBe(0);
});
