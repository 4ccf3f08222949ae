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
  type LayerOp,
  type Model,
  MoepressError,
  mlpTensors,
  moeBlocks,
  type TensorExpr,
} from '@moepress/core';
import { onTestFinished } from 'vitest';

export const families = ['olmoe', 'qwen2_moe', 'qwen3_moe_sharded'] as const;

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
    base: { id: base.id, revision: null, architecture: base.architecture, headers: base.headerHash },
    method: { name: 'example', package: '@moepress/plugin-example', version: '1.2.3' },
    options: { ratio: 0.5, seed: 0 },
    calibration: { source: 'text.txt', sequences: 4, tokens: 2048, hash: '0'.repeat(64), seed: 7 },
    layers: moeBlocks(base).map(({ index, ffn }) => ({
      layer: index,
      ops: [op(index, ffn.slots.length)],
    })),
    warnings: [],
    details: {},
  };
}

/** Four prototypes a layer; later layers also use one of the first MoE layer. */
export function remapPlan(base: Model): CompressionPlan {
  const first = moeBlocks(base)[0]!.index;
  const reference = (layer: number, slot: number): [number, number] =>
    layer !== first && slot % 5 === 0 ? [first, 9] : [layer, ((slot * 7) % 4) + 2];
  return planFor(base, (layer, experts) => ({
    op: 'remap-slots',
    slots: Array.from({ length: experts }, (_, slot) => reference(layer, slot)),
  }));
}

export function dropPlan(base: Model): CompressionPlan {
  return planFor(base, (_, experts) => ({
    op: 'keep-experts',
    experts: Array.from({ length: experts / 2 }, (_, i) => 2 * i + 1),
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
    const { ffn, norms } = block;
    for (const tensor of [...attentionTensors(block), norms.attention, norms.ffn]) await add(tensor);
    if (ffn.kind === 'dense') for (const tensor of mlpTensors(ffn.mlp)) await add(tensor);
    else {
      await add(ffn.router.weight);
      for (const slot of ffn.slots) for (const tensor of mlpTensors(ffn.pool[slot]!)) await add(tensor);
      if (ffn.shared) for (const tensor of mlpTensors(ffn.shared.mlp)) await add(tensor);
    }
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
