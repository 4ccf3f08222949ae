import {
  type AttentionBlock,
  type Block,
  isRecurrent,
  type Model,
  type RecurrentBlock,
  type Rope,
  type Value,
} from '@moepress/core';
import {
  add,
  cast,
  concat,
  type GraphBuilder,
  greater,
  range,
  sizeOf,
  squeeze,
  timesNumber,
  unsqueeze,
  where,
} from '@moepress/graph';
import { type Reach, reachKey, reachOf } from '../tokens/reach.js';
import { ropeKey, ropesOf } from '../tokens/ropes.js';
import { keyDimOf } from './attention/indexer.js';
import { bothOf, isNear, outOfReach } from './attention/masks.js';
import { viewAs } from './attention/projections.js';
import { type Caches, stepAttention } from './attention/step.js';
import { valueDimOf } from './attention/value-dim.js';
import { type CachePart, cacheInput, type OwnPart, ownOutput } from './cache-parts.js';
import { type AngleInputs, orderInput, type TableName, tableInputs } from './inputs.js';
import { type MixerStates, mixedStep, type StatePart, statePartsOf, stateSizes } from './recurrence/mixer.js';
import { attentionInput, withBranch } from './residual.js';

/** What lets the newest token see those before it: x [B, H] to [B, H], and what stays of the token, or of all of them. */
export type Mix = (
  x: Value,
  block: Block,
) => { readonly output: Value; readonly own: Readonly<Partial<Record<OwnPart, Value>>> };

/**
 * Makes the mixers of blocks for one more token of each sequence, with the inputs of their caches; `past` int64 [B] counts
 * the tokens before each. Masks and angles are computed once for all blocks that have the same. Null: a block has none.
 */
export function stepMixers(graph: GraphBuilder, model: Model, past: Value): (block: Block) => Mix | null {
  const order = orderInput(graph);
  const tables = new Map<string, AngleInputs>();
  const masks = new Map<string, Value>();
  return (block) => {
    if (block.attention.kind === 'none') return null;
    if (isRecurrent(block)) {
      const before = stateInputs(graph, block);
      return (x) => {
        const epsilon = model.config.rmsNormEps;
        const { output, states } = mixedStep(x, block.attention, { before, epsilon });
        return { output, own: states };
      };
    }
    const { attention } = block as AttentionBlock;
    const caches = cacheInputs(graph, block as AttentionBlock);
    const reach = reachOf(attention);
    // The caches of all blocks are of the same length.
    const mask = masks.get(reachKey(reach)) ?? maskOf(caches, past, reach);
    masks.set(reachKey(reach), mask);
    const { rope } = attention;
    const angles = tables.get(ropeKey(rope)) ?? {
      ...tableInputs(graph, rope, tableName(rope, model)),
      order,
    };
    tables.set(ropeKey(rope), angles);
    return (x) => stepAttention(x, attention, { angles, caches: { ...caches, mask }, norms: model.config });
  };
}

/** The inputs for the angles of a rotation: without a number where the model has one only. */
export function tableName(rope: Rope, model: Model): TableName {
  const index = ropesOf(model).findIndex((other) => ropeKey(other) === ropeKey(rope));
  return (part) => (index > 0 ? `${part}.${index}` : part);
}

function stateInputs(graph: GraphBuilder, block: RecurrentBlock): MixerStates {
  const sizes = stateSizes(block.attention);
  const input = (part: StatePart) =>
    viewAs(graph.input(cacheInput(part, block), 'float32', ['T', 1, 1, sizes[part]!]), [1, sizes[part]!]);
  return Object.fromEntries(statePartsOf(block.attention).map((part) => [part, input(part)]));
}

function cacheInputs(graph: GraphBuilder, block: AttentionBlock): Omit<Caches, 'mask'> {
  const { attention } = block;
  const { kvHeads } = attention;
  const keyDim = keyDimOf(attention);
  const input = (part: CachePart, shape: readonly (string | number)[]) =>
    graph.input(cacheInput(part, block), 'float32', shape);
  return {
    sharedKey: input('sharedKey', [kvHeads, 'P', keyDim]),
    sharedValue: input('sharedValue', [kvHeads, 'P', valueDimOf(attention)]),
    pastKey: input('pastKey', ['T', kvHeads, 'C', keyDim]),
    pastValue: input('pastValue', ['T', kvHeads, 'C', valueDimOf(attention)]),
  };
}

/** Which places the newest tokens see: those before them, as far back as the window reaches, and themselves. */
function maskOf({ sharedKey, pastKey }: Omit<Caches, 'mask'>, past: Value, reach: Reach): Value {
  const { graph } = past;
  const count = squeeze(add(sizeOf(sharedKey, 1), sizeOf(pastKey, 2)), 0);
  const places = range(graph, count, 'P+C');
  const next = unsqueeze(past, 1);
  const visible = bothOf(greater(next, places), isNear(places, next, reach));
  const [nothing, low] = [0, outOfReach].map((number) => graph.constant([number], [], 'float32'));
  const mask = where(visible, nothing!, low!);
  const own = unsqueeze(timesNumber(cast(past, 'float32'), 0), 1);
  return unsqueeze(unsqueeze(concat([mask, own], 1), 1), 1);
}

/** `hidden` with what the block's mixer adds, whose newest states become outputs. */
export function attended(model: Model, block: Block, hidden: Value, mix: Mix): Value {
  const { graph } = hidden;
  const x = attentionInput(hidden, block, model);
  const { output, own } = graph.scoped('attention', () => mix(x, block));
  for (const [part, value] of Object.entries(own)) graph.output(ownOutput(part as OwnPart, block), value);
  return withBranch(hidden, output, { part: 'attention', block, model });
}
