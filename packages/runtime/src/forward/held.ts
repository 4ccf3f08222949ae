import type { Block, Model, Rope } from '@moepress/core';
import { reachOf } from '../decoder/attention/heads.js';
import type { DeviceTraits } from '../devices/traits.js';
import type { InWorker } from '../engine/engine.js';
import type { Feed, TensorData } from '../engine/protocol.js';
import { int32, tensor } from '../engine/tensor.js';
import type { EngineWorker } from '../engine/worker.js';
import type { Layout } from './layout.js';
import { paddingOf } from './padding.js';
import { rotaryTables } from './rope.js';
import { tilesOf } from './tiles.js';

/** A tensor of a batch's layout that its worker holds. */
interface HeldInput {
  /** The graphs' input that it is fed as. */
  readonly input: string;
  readonly name: string;
  /** The blocks it is for: those of a window, which may be none; absent: all. */
  readonly window?: number | null;
}

/** A batch whose layout tensors and hidden states a worker holds under a common prefix of names. */
export interface HeldBatch extends InWorker {
  readonly layout: Layout;
  readonly name: string;
  readonly inputs: readonly HeldInput[];
}

export const hiddenName = (batch: Pick<HeldBatch, 'name'>): string => `${batch.name}/hidden`;

export interface Placement {
  /** How the attention of the model's blocks sees the tokens. */
  readonly attention: DeviceTraits['attention'];
  /** Tokens before this run: of all sequences where they are a tree, of each where they are padded. */
  readonly past?: number | readonly number[];
}

/** Hands the layout to a worker. */
export async function holdBatch(
  worker: EngineWorker,
  name: string,
  layout: Layout,
  model: Model,
  { attention, past = 0 }: Placement,
): Promise<HeldBatch> {
  const inputs: HeldInput[] = [];
  const put = async (input: string, tensor: TensorData, window?: number | null) => {
    const held = { input, name: `${name}/${input}${window === undefined ? '' : `/${window}`}` };
    inputs.push(window === undefined ? held : { ...held, window });
    await worker.put(held.name, tensor);
  };
  const totals = layout.lengths.map((length, b) => length + (typeof past === 'number' ? past : past[b]!));
  await holdAngles(put, layout, model.config.rope, totals);
  if (attention === 'tree') await holdTree(put, layout, model, typeof past === 'number' ? past : 0);
  else await holdPadded(put, layout, totals);
  return { layout, name, worker, inputs };
}

/** What a block's session is fed for a batch, besides keys and values. */
export function blockFeeds(batch: HeldBatch, block: Block): Record<string, Feed> {
  const { window } = reachOf(block.attention);
  const own = batch.inputs.filter((input) => input.window === undefined || input.window === window);
  const layout = own.map(({ input, name }) => [input, { held: name }]);
  return Object.fromEntries([['hidden', { held: hiddenName(batch) }], ...layout]);
}

export async function dropBatch({ worker, name, inputs }: HeldBatch): Promise<void> {
  await worker.drop([hiddenName({ name }), ...inputs.map((input) => input.name)]);
}

type Put = (input: string, tensor: TensorData, window?: number | null) => Promise<void>;

async function holdAngles(put: Put, layout: Layout, rope: Rope, totals: Int32Array): Promise<void> {
  const count = layout.ids.length;
  const { cos, sin } = rotaryTables(
    rope,
    layout.positions,
    layout.owners.map((b) => totals[b]!),
  );
  await put('cos', tensor('float32', [count, rope.dim / 2], cos));
  await put('sin', tensor('float32', [count, rope.dim / 2], sin));
  await put(
    'order',
    tensor(
      'int64',
      [1, count],
      BigInt64Array.from(layout.ids, (_, i) => BigInt(i)),
    ),
  );
}

async function holdTree(put: Put, layout: Layout, { blocks }: Model, prefix: number): Promise<void> {
  const { ids, ends, positions } = layout;
  const heads = blocks.reduce((most, { attention }) => Math.max(most, attention.heads), 1);
  for (const window of new Set(blocks.map(({ attention }) => reachOf(attention).window))) {
    const { size, queries, keys, spans } = tilesOf(layout, { heads, window, prefix });
    await put('queries', tensor('int32', [queries.length / size, size], queries), window);
    await put('keys', int32(keys), window);
    await put('spans', tensor('int64', [spans.length / 2, 2], spans), window);
  }
  const places = (shared: (place: number) => number, own: (row: number) => number) =>
    Array.from({ length: prefix + ids.length }, (_, i) => (i < prefix ? shared(i) : own(i - prefix)));
  // Every row sees the shared tokens.
  await put(
    'before',
    int32(
      places(
        () => -1,
        (row) => row - 1,
      ),
    ),
  );
  await put(
    'ends',
    int32(
      places(
        () => ids.length,
        (row) => ends[row]!,
      ),
    ),
  );
  await put('positions', int32(positions));
  await put(
    'keyPositions',
    int32(
      places(
        (i) => i,
        (row) => positions[row]!,
      ),
    ),
  );
}

async function holdPadded(put: Put, layout: Layout, totals: Int32Array): Promise<void> {
  const { longest, pad, unpad } = paddingOf(layout);
  await put('pad', tensor('int32', [totals.length, longest], pad));
  await put('unpad', int32(unpad));
  await put('lastPositions', int32(totals.map((total) => total - 1)));
}
