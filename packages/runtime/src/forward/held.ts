import type { Rope } from '@moepress/core';
import type { InWorker } from '../engine/engine.js';
import type { Feed, TensorData } from '../engine/protocol.js';
import { int32, tensor } from '../engine/tensor.js';
import type { EngineWorker } from '../engine/worker.js';
import type { Layout } from './layout.js';
import { rotaryTables } from './rope.js';

/** A batch whose layout tensors and hidden states a worker holds under a common prefix. */
export interface HeldBatch extends InWorker {
  readonly layout: Layout;
  readonly name: string;
}

const layoutInputs = ['pad', 'unpad', 'lastPositions', 'totalLength', 'cos', 'sin', 'order'] as const;

export const hiddenName = (batch: HeldBatch): string => `${batch.name}/hidden`;

/** Hands the layout to a worker. `pastLengths` [B] counts the tokens before this run. */
export async function holdBatch(
  worker: EngineWorker,
  name: string,
  layout: Layout,
  rope: Rope,
  pastLengths?: readonly number[],
): Promise<HeldBatch> {
  const { lengths, longest, ids } = layout;
  const totals = Int32Array.from(lengths, (length, b) => length + (pastLengths?.[b] ?? 0));
  const lengthOf = (row: number) => totals[Math.floor(layout.unpad[row]! / longest)]!;
  const { cos, sin } = rotaryTables(
    rope,
    layout.positions,
    ids.map((_, row) => lengthOf(row)),
  );
  const inputs: Record<(typeof layoutInputs)[number], TensorData> = {
    pad: tensor('int32', [lengths.length, longest], layout.pad.slice()),
    unpad: int32(layout.unpad),
    lastPositions: int32(totals.map((total) => total - 1)),
    totalLength: int32([Math.max(...totals)]),
    cos: tensor('float32', [ids.length, rope.dim / 2], cos),
    sin: tensor('float32', [ids.length, rope.dim / 2], sin),
    order: tensor(
      'int64',
      [1, ids.length],
      BigInt64Array.from({ length: ids.length }, (_, i) => BigInt(i)),
    ),
  };
  await Promise.all(layoutInputs.map((input) => worker.put(`${name}/${input}`, inputs[input])));
  return { layout, name, worker };
}

/** What a block's session is fed for a batch, besides keys and values. */
export function blockFeeds(batch: HeldBatch): Record<string, Feed> {
  const layout = layoutInputs.map((input) => [input, { held: `${batch.name}/${input}` }]);
  return Object.fromEntries([['hidden', { held: hiddenName(batch) }], ...layout]);
}

export async function dropBatch(batch: HeldBatch): Promise<void> {
  await batch.worker.drop([hiddenName(batch), ...layoutInputs.map((input) => `${batch.name}/${input}`)]);
}
