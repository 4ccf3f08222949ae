import {
  type AttentionBlock,
  type Block,
  hasAttention,
  hasFfn,
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
  GraphBuilder,
  type GraphIR,
  greater,
  range,
  reduceSum,
  sizeOf,
  squeeze,
  timesNumber,
  unsqueeze,
  where,
} from '@moepress/graph';
import { type Reach, reachKey, reachOf } from '../tokens/reach.js';
import { ropeKey, ropesOf } from '../tokens/ropes.js';
import { valueDimOf } from './attention/heads.js';
import { keyDimOf } from './attention/indexer.js';
import { bothOf, isNear, outOfReach } from './attention/masks.js';
import { viewAs } from './attention/projections.js';
import { type Caches, stepAttention } from './attention/step.js';
import { embedded } from './embedding.js';
import { moeFfn, openFfn, partsOf } from './ffn.js';
import { type AngleInputs, orderInput, type TableName, tableInputs } from './inputs.js';
import { finalNormed, outputNextTokens } from './lm-head.js';
import { type MixerStates, mixedStep, type StatePart, statePartsOf, stateSizes } from './recurrence/mixer.js';
import { attentionInput, ffnInputOf, withBranch } from './residual.js';

/** Some neighbouring blocks of a model, with the embedding before them and the head after them where these are next. */
export interface DecodePart {
  readonly blocks: readonly Block[];
  readonly embeds: boolean;
  /** `apart`: the final norm is in it, and the head in `decodeHeadGraph`. */
  readonly heads: boolean | 'apart';
}

/** Experts of the blocks of one part: larger graphs take longer to open than they save. */
const mostExperts = 512;

/** Neighbouring blocks that make one graph each; the head is apart. */
export function decodeParts({ blocks }: Pick<Model, 'blocks'>): DecodePart[] {
  const groups: Block[][] = [];
  let experts = Number.POSITIVE_INFINITY;
  for (const block of blocks) {
    const own = block.ffn.kind === 'moe' ? block.ffn.pool.length : 1;
    if (experts + own > mostExperts) {
      groups.push([]);
      experts = 0;
    }
    groups.at(-1)!.push(block);
    experts += own;
  }
  return groups.map((group, i) => ({
    blocks: group,
    embeds: i === 0,
    heads: i === groups.length - 1 && 'apart',
  }));
}

/** The parts of a block's cache, by the names they are fed under: keys and values, or what stays of a sequence in a recurrence. */
export type CachePart = 'sharedKey' | 'sharedValue' | 'pastKey' | 'pastValue' | OwnPart;

/** What a new token leaves: its key and value, or, in place of what was there before, what stays of its sequence. */
export type OwnPart = 'key' | 'value' | StatePart;

/** How a block's cache grows by a token. */
interface CacheOutput {
  readonly own: OwnPart;
  readonly cache: CachePart;
  /** Whether there is one row of it for a sequence, however many tokens it has. */
  readonly single: boolean;
}

const keyValueParts = ['sharedKey', 'sharedValue', 'pastKey', 'pastValue'] as const;

export const cachePartsOf = (block: Block): readonly CachePart[] =>
  isRecurrent(block) ? statePartsOf(block.attention) : hasAttention(block) ? keyValueParts : [];

export const cacheOutputsOf = (block: Block): readonly CacheOutput[] =>
  isRecurrent(block)
    ? statePartsOf(block.attention).map((part) => ({ own: part, cache: part, single: true }))
    : hasAttention(block)
      ? [
          { own: 'key', cache: 'pastKey', single: false },
          { own: 'value', cache: 'pastValue', single: false },
        ]
      : [];

export const cacheInput = (part: CachePart, { index }: Block): string => `${part}.${index}`;
export const ownOutput = (part: OwnPart, { index }: Block): string => `own.${part}.${index}`;

/**
 * One more token of B sequences through part of a model: `ids` int32 [B], or `hidden` [B, H] where it does not embed,
 * to `hiddenOut` [B, H], and where it heads to `token` int32 [B], the most probable one that follows, or to what the head
 * is multiplied with, `normed` [B, H]; `finite` as in `blockGraph`. `past`
 * int64 [B] counts the tokens before each, whose keys and values go in as `cacheInput` names them, see `Caches`, and
 * those of the new tokens come out as `ownOutput` does. All blocks in one graph share the memory of their activations.
 */
export function decodeGraph(model: Model, { blocks, embeds, heads }: DecodePart): GraphIR {
  const { hiddenSize } = model.config;
  const graph = new GraphBuilder('decode');
  const order = orderInput(graph);
  const tables = new Map<string, AngleInputs>();
  let hidden = embeds
    ? embedded(graph.input('ids', 'int32', ['T']), model)
    : graph.input('hidden', 'float32', ['T', hiddenSize]);
  const past = graph.input('past', 'int64', ['T']);
  const masks = new Map<string, Value>();
  const mixOf = (block: Block): Mix | null => {
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
  for (const block of blocks) {
    const mix = mixOf(block);
    hidden = graph.withFewRows(fewRows, () =>
      graph.scoped(`block.${block.index}`, () => step(model, block, hidden, mix)),
    );
  }
  graph.output('hiddenOut', hidden);
  if (heads === 'apart') {
    graph.output('normed', finalNormed(hidden, model));
  } else if (heads) {
    outputTokens(finalNormed(hidden, model), model);
  } else {
    graph.output('finite', reduceSum(hidden, [0, 1]));
  }
  return graph.finish();
}

/** The inputs for the angles of a rotation: without a number where the model has one only. */
export function tableName(rope: Rope, model: Model): TableName {
  const index = ropesOf(model).findIndex((other) => ropeKey(other) === ropeKey(rope));
  return (part) => (index > 0 ? `${part}.${index}` : part);
}

/** `normed` [T, H] to `token` and `finite`, see `decodeGraph`. */
export function decodeHeadGraph(model: Model): GraphIR {
  const graph = new GraphBuilder('decode.head');
  outputTokens(graph.input('normed', 'float32', ['T', model.config.hiddenSize]), model);
  return graph.finish();
}

function outputTokens(normed: Value, model: Model): void {
  const { graph } = normed;
  graph.withFewRows(fewRows, () => graph.scoped('head', () => outputNextTokens(normed, model)));
}

/** Up to so many rows are multiplied with a weight one by one. Measured on weights of OLMoE in bf16; seven take as long at once. */
const fewRows = 6;

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

/** What lets the newest token see those before it: x [B, H] to [B, H], and what stays of the token, or of all of them. */
type Mix = (
  x: Value,
  block: Block,
) => { readonly output: Value; readonly own: Readonly<Partial<Record<OwnPart, Value>>> };

function step(model: Model, block: Block, hidden: Value, mix: Mix | null): Value {
  const { graph } = hidden;
  const residual = mix ? attended(model, block, hidden, mix) : hidden;
  if (!hasFfn(block)) return residual;
  const { ffn } = block;
  const ffnInput = ffnInputOf({ came: hidden, residual }, block, model);
  const parts = partsOf(block, model);
  const made = graph.scoped('ffn', () =>
    ffn.kind === 'moe' ? moeFfn(ffnInput, ffn, parts).output : openFfn(ffnInput, ffn, { parts }).output,
  );
  return withBranch(residual, made, { part: 'ffn', block, model });
}

/** `hidden` with what the block's mixer adds, whose newest states become outputs. */
function attended(model: Model, block: Block, hidden: Value, mix: Mix): Value {
  const { graph } = hidden;
  const x = attentionInput(hidden, block, model);
  const { output, own } = graph.scoped('attention', () => mix(x, block));
  for (const [part, value] of Object.entries(own)) graph.output(ownOutput(part as OwnPart, block), value);
  return withBranch(hidden, output, { part: 'attention', block, model });
}
