import type { Block, Model } from '@moepress/core';
import { reachOf } from '../decoder/attention/heads.js';
import type { DeviceTraits } from '../devices/traits.js';
import type { InWorker } from '../engine/engine.js';
import type { Feed, TensorData } from '../engine/protocol.js';
import type { EngineWorker } from '../engine/worker.js';
import { holdAngles, holdPadded, holdTiles, holdTree } from './held-layout.js';
import type { Layout } from './layout.js';
import { allRows } from './tiles.js';

/** A tensor of a batch's layout that its worker holds. */
interface HeldInput {
  /** The graphs' input that it is fed as. */
  readonly input: string;
  readonly name: string;
  /** The blocks it is for: those of a window, which may be none; absent: all. */
  readonly window?: number | null;
}

/**
 * Which rows come out of a block: all of them, some that are wanted for their own sake, or a share of those that several
 * workers compute together.
 */
export type Part = 'all' | 'asked' | 'share';

/** A batch whose layout tensors and hidden states a worker holds under a common prefix of names. */
export interface HeldBatch extends InWorker {
  readonly layout: Layout;
  readonly name: string;
  readonly inputs: readonly HeldInput[];
  /** What tells a block which rows are to come out of it. Empty where sequences are padded: all do. */
  readonly parts: ReadonlyMap<Part, readonly HeldInput[]>;
}

export const hiddenName = (batch: Pick<HeldBatch, 'name'>): string => `${batch.name}/hidden`;

export interface Placement {
  /** How the attention of the model's blocks sees the tokens. */
  readonly attention: DeviceTraits['attention'];
  /** Tokens before this run: of all sequences where they are a tree, of each where they are padded. */
  readonly past?: number | readonly number[];
  /** Rows of the parts besides `all`, ascending, where tokens are a tree. */
  readonly parts?: Readonly<Partial<Record<Part, Int32Array>>>;
}

/** Hands the layout to a worker. */
export async function holdBatch(
  worker: EngineWorker,
  name: string,
  layout: Layout,
  model: Model,
  { attention, past = 0, parts: rows = {} }: Placement,
): Promise<HeldBatch> {
  const putting = (inputs: HeldInput[], under: string) => {
    return async (input: string, tensor: TensorData, window?: number | null) => {
      const held = { input, name: `${under}/${input}${window === undefined ? '' : `/${window}`}` };
      inputs.push(window === undefined ? held : { ...held, window });
      await worker.put(held.name, tensor);
    };
  };
  const inputs: HeldInput[] = [];
  const parts = new Map<Part, HeldInput[]>();
  const put = putting(inputs, name);
  const totals = layout.lengths.map((length, b) => length + (typeof past === 'number' ? past : past[b]!));
  await holdAngles(put, layout, model.config.rope, totals);
  if (attention === 'tree') {
    const prefix = typeof past === 'number' ? past : 0;
    await holdTree(put, layout, prefix);
    for (const [part, own] of Object.entries({ all: allRows(layout), ...rows })) {
      const tiles: HeldInput[] = [];
      parts.set(part as Part, tiles);
      await holdTiles(putting(tiles, `${name}/${part}`), layout, model, prefix, own);
    }
  } else await holdPadded(put, layout, totals);
  return { layout, name, worker, inputs, parts };
}

/** What a block's session is fed for a batch, besides keys and values, and `rows` if it lets some rows out only. */
export function blockFeeds(batch: HeldBatch, block: Block, part: Part = 'all'): Record<string, Feed> {
  const tiles = (batch.parts.get(part) ?? []).filter(({ input }) => input !== 'rows');
  return { hidden: { held: hiddenName(batch) }, ...feedsOf([...batch.inputs, ...tiles], block) };
}

/** What a session that lets some rows out only is fed to know them. */
export function rowFeeds(batch: HeldBatch, block: Block, part: Part = 'all'): Record<string, Feed> {
  return feedsOf(
    (batch.parts.get(part) ?? []).filter(({ input }) => input === 'rows'),
    block,
  );
}

function feedsOf(inputs: readonly HeldInput[], { attention }: Block): Record<string, Feed> {
  const { window } = reachOf(attention);
  const own = inputs.filter((input) => input.window === undefined || input.window === window);
  return Object.fromEntries(own.map(({ input, name }) => [input, { held: name }]));
}

export async function dropBatch({ worker, name, inputs, parts }: HeldBatch): Promise<void> {
  const all = [...inputs, ...[...parts.values()].flat()];
  await worker.drop([hiddenName({ name }), ...all.map((input) => input.name)]);
}
