import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openModel } from '@moepress/checkpoint';
import { createRng, encodeChannels, type LayerOp, type Model, moeBlocks, type Rng } from '@moepress/core';
import { toyPlan } from '@moepress/core/testing';

/** What a plan does to each MoE layer; nothing: the checkpoint is written as it is. */
export type LayerOps = (block: ReturnType<typeof moeBlocks>[number], rng: Rng) => LayerOp[];

/** Plans by the kinds of expressions that they leave to be written. */
export const plans: Readonly<Record<string, LayerOps>> = {
  everything: () => [],
  experts: ({ ffn }, rng) => [
    { op: 'keep-experts', experts: someOf(ffn.slots.length, ffn.slots.length / 2, rng) },
  ],
  channels: ({ ffn }, rng) => [
    {
      op: 'keep-channels',
      channels: ffn.pool.map(({ width }) => encodeChannels(someOf(width, width / 2, rng), width)),
    },
  ],
  averages: ({ ffn }) => [
    {
      op: 'condense',
      parts: Array.from({ length: ffn.slots.length / 2 }, (_, i) => ({
        experts: [2 * i, 2 * i + 1],
        shares: [0.5, 0.5],
        scale: 0.125,
      })),
      shared: null,
      align: 1,
    },
  ],
};

/** Writes a plan that keeps half of the experts of a checkpoint into a folder. */
export async function halfPlan(directory: string, folder: string): Promise<string> {
  const file = join(folder, 'plan.json');
  await writeFile(file, JSON.stringify(planOf(await openModel(directory), plans.experts!)));
  return file;
}

/** A plan that does so to a model; random choices are the same each time. */
export function planOf(model: Model, ops: LayerOps) {
  const rng = createRng(0);
  const layers = moeBlocks(model).map((block) => ({ layer: block.index, ops: ops(block, rng) }));
  return toyPlan(
    model,
    layers.filter((layer) => layer.ops.length > 0),
  );
}

/** `count` of the numbers below `size`, ascending. */
function someOf(size: number, count: number, rng: Rng): number[] {
  const keyed = Array.from({ length: size }, (_, number) => ({ number, key: rng.next() }));
  const chosen = keyed.sort((a, b) => a.key - b.key).slice(0, count);
  return chosen.map(({ number }) => number).sort((a, b) => a - b);
}
