import type { Block, Model } from '@moepress/core';
import type { DeviceTraits } from '../devices/traits.js';
import type { Engine } from '../engine/engine.js';
import type { Feeds, InWorker, TensorHandle, WorkerCommands } from '../engine/handles.js';
import type { EngineScope } from '../engine/scope.js';
import { refuseLonger } from '../tokens/longest-sequence.js';
import { reachKey, reachOf } from '../tokens/reach.js';
import { ropeFor, ropeKey } from '../tokens/ropes.js';
import type { Layout } from '../tokens/token-layout.js';
import { type LayoutTensor, layoutTensors, type Part, totalLengths } from './layout-tensors.js';

export type { Part } from './layout-tensors.js';

/** A tensor of a batch's layout in its worker. */
interface LayoutInput extends Omit<LayoutTensor, 'tensor'> {
  readonly handle: TensorHandle;
}

/** A batch in a worker, which has the tensors of its layout and its hidden states. */
export interface WorkerBatch extends InWorker {
  readonly layout: Layout;
  readonly model: Model;
  readonly name: string;
  readonly hidden: TensorHandle;
  readonly inputs: readonly LayoutInput[];
}

export interface BatchPlacement {
  readonly worker: WorkerCommands;
  readonly name: string;
  readonly layout: Layout;
  readonly model: Model;
  /** How the attention of the model's blocks sees the tokens. */
  readonly attention: DeviceTraits['attention'];
  /** Tokens before this run: of all sequences where they are a tree, of each where they are padded. */
  readonly past?: number | readonly number[];
  /** Rows of the parts besides `all`, ascending, where tokens are a tree. */
  readonly parts?: Readonly<Partial<Record<Part, Int32Array>>>;
}

/** Hands a layout to a worker. There are no hidden states yet. Throws `INPUT_INVALID`, see `refuseLonger`. */
export async function placeBatch(
  scope: EngineScope,
  { worker, name, layout, ...rest }: BatchPlacement,
): Promise<WorkerBatch> {
  refuseLonger(rest.model, rest.attention, totalLengths(layout, rest.past ?? 0));
  const tensors = layoutTensors(layout, rest);
  const inputs = tensors.map(
    ({ tensor, ...own }): LayoutInput => ({ ...own, handle: scope.tensor(worker, `${name}/${own.input}`) }),
  );
  await worker.put(inputs.map(({ handle }, i) => [handle, tensors[i]!.tensor] as const));
  return { worker, name, layout, model: rest.model, hidden: scope.tensor(worker, `${name}/hidden`), inputs };
}

/** Hands layouts to the workers of an engine by turns. */
export function placeBatches(
  { engine, scope, model }: { readonly engine: Engine; readonly scope: EngineScope; readonly model: Model },
  layouts: readonly Layout[],
  name: string,
): Promise<WorkerBatch[]> {
  const { attention } = engine.traits;
  const assigned = layouts.map((layout, i) => ({
    ...{ layout, model, attention },
    name: `${name}/${i}`,
    worker: engine.workerFor(i),
  }));
  return engine.spread(assigned, (placement) => placeBatch(scope, placement));
}

/** Whether a batch lets some of its rows out of a block only. */
export const hasPart = ({ inputs }: Pick<WorkerBatch, 'inputs'>, part: Part): boolean =>
  inputs.some((input) => input.part === part);

/** What a block's session is fed for a batch, besides keys and values, and `rows` if it lets some rows out only. */
export function blockFeeds(batch: WorkerBatch, block: Block, part: Part = 'all'): Feeds {
  return { hidden: batch.hidden, ...layoutFeeds(batch, block, part) };
}

/** The tensors of a batch's layout that a block needs, as far as they concern the rows of one part. */
export function layoutFeeds({ inputs, model }: WorkerBatch, block: Block, part: Part = 'all'): Feeds {
  const reach = reachKey(reachOf(block.attention));
  const rope = ropeKey(ropeFor(block, model));
  const own = inputs.filter(
    (input) =>
      (input.reach === undefined || input.reach === reach) &&
      (input.rope === undefined || input.rope === rope) &&
      (input.part === undefined || input.part === part),
  );
  return Object.fromEntries(own.map(({ input, handle }) => [input, handle]));
}

/** Frees all that workers have of some batches. */
export async function freeBatches(scope: EngineScope, batches: readonly WorkerBatch[]): Promise<void> {
  await scope.free(batches.flatMap(({ hidden, inputs }) => [hidden, ...inputs.map(({ handle }) => handle)]));
}
