/** Shared by the tests of this package. */
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bytesOf, openModel } from '@moepress/checkpoint';
import {
  attentionTensors,
  type CompressionPlan,
  encodeChannels,
  type LayerOp,
  type Model,
  MoepressError,
  mlpTensors,
  moeBlocks,
  normTensors,
  planBase,
  routerTensors,
  type TensorExpr,
} from '@moepress/core';
import { onTestFinished } from 'vitest';

/** A fixture of every family. */
export const families = [
  'olmoe',
  'qwen2_moe',
  'qwen3_moe_sharded',
  'mixtral',
  'deepseek',
  'deepseek_v2',
  'deepseek_v3',
  'gpt_oss',
] as const;

/** Fixtures with quantised weights. */
export const quantised = ['deepseek_v3_fp8', 'gpt_oss_mxfp4'] as const;

export function fixture(name: string): string {
  return fileURLToPath(new URL(`../../checkpoint/fixtures/${name}`, import.meta.url));
}

/** An empty folder that goes when the test does. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'moepress-export-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A plan that does `op` in every MoE layer. */
export function planFor(base: Model, op: (layer: number, experts: number) => LayerOp): CompressionPlan {
  return {
    format: 'moepress-plan',
    version: 1,
    base: planBase(base),
    method: { name: 'example', package: '@moepress/plugin-example', version: '1.2.3' },
    options: { ratio: 0.5, seed: 0 },
    calibration: { source: 'text.txt', sequences: 4, tokens: 2048, hash: '0'.repeat(64), seed: 7 },
    layers: moeBlocks(base).map(({ index, ffn }) => ({
      layer: index,
      ops: [op(index, ffn.slots.length)],
    })),
    warnings: [],
    details: {},
    learned: null,
  };
}

/** Four prototypes a layer, two of four experts; later layers also use one of the first MoE layer. */
export function remapPlan(base: Model): CompressionPlan {
  const [{ index: first, ffn }] = moeBlocks(base) as [ReturnType<typeof moeBlocks>[0]];
  const lent = Math.min(9, ffn.pool.length - 1);
  const prototypes = Math.min(4, ffn.pool.length / 2);
  const reference = (layer: number, slot: number): [number, number] =>
    layer !== first && slot % 5 === 0 ? [first, lent] : [layer, ((slot * 7) % prototypes) + 2];
  return planFor(base, (layer, experts) => ({
    op: 'remap-slots',
    slots: Array.from({ length: experts }, (_, slot) => reference(layer, slot)),
  }));
}

/** Every other expert goes, so that half of any group remain. */
export function dropPlan(base: Model): CompressionPlan {
  return planFor(base, (_, experts) => ({
    op: 'keep-experts',
    experts: Array.from({ length: experts / 2 }, (_, i) => 2 * i + 1),
  }));
}

/** All experts lose the second half of their channels. */
export function narrowPlan(base: Model): CompressionPlan {
  const { pool } = moeBlocks(base)[0]!.ffn;
  const half = pool[0]!.width / 2;
  const mask = encodeChannels([...Array(half).keys()], 2 * half);
  return planFor(base, () => ({ op: 'keep-channels', channels: pool.map(() => mask) }));
}

/** Experts of all widths from none to whole, none of which a stock config.json can say for all. */
export function raggedPlan(base: Model): CompressionPlan {
  const pools = new Map(moeBlocks(base).map(({ index, ffn }) => [index, ffn.pool]));
  const mask = (layer: number, e: number, width: number) => {
    const share = [0, 0.5, 1, 0.2, 0.7][(e + layer) % 5]!;
    const kept = [...Array(width).keys()].filter((j) => (j * 7 + e) % width < share * width);
    return encodeChannels(kept, width);
  };
  return planFor(base, (layer) => ({
    op: 'keep-channels',
    channels: pools.get(layer)!.map(({ width }, e) => mask(layer, e, width)),
  }));
}

export const openFixture = (name: string) => openModel(fixture(name));

/** A hash of every value a model computes with, in the order of its slots, wherever it is stored. */
export async function fingerprint(model: Model): Promise<string> {
  const hash = createHash('sha256');
  const add = async (tensor: TensorExpr) => {
    hash.update(`${tensor.dtype}[${tensor.shape}]`);
    for await (const block of bytesOf(tensor)) hash.update(block);
  };
  for (const tensor of [model.embed, model.head, model.finalNorm]) await add(tensor);
  for (const block of model.blocks) {
    const { ffn } = block;
    for (const tensor of [...attentionTensors(block), ...normTensors(block)]) await add(tensor);
    if (ffn.kind === 'dense') for (const tensor of mlpTensors(ffn.mlp)) await add(tensor);
    if (ffn.kind === 'moe') {
      for (const tensor of routerTensors(ffn.router)) await add(tensor);
      for (const slot of ffn.slots) for (const tensor of mlpTensors(ffn.pool[slot]!)) await add(tensor);
    }
    if (ffn.shared) for (const tensor of mlpTensors(ffn.shared.mlp)) await add(tensor);
    if (ffn.shared?.gate) await add(ffn.shared.gate);
  }
  return hash.digest('hex');
}

/** The error a promise is rejected with, which must be one of ours. */
export async function failure(work: Promise<unknown>): Promise<MoepressError> {
  const error = await work.then(
    () => new Error('It succeeded.'),
    (cause: unknown) => cause,
  );
  if (!MoepressError.isInstance(error)) throw error;
  return error;
}
