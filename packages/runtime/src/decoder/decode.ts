import type { Block, Model, Value } from '@moepress/core';
import {
  add,
  and,
  cast,
  concat,
  GraphBuilder,
  type GraphIR,
  greater,
  plusNumber,
  range,
  reduceSum,
  sizeOf,
  squeeze,
  timesNumber,
  unsqueeze,
  where,
} from '@moepress/graph';
import { valueDimOf, windowAndSinks } from './attention/heads.js';
import { type Caches, stepAttention } from './attention/step.js';
import { embedded } from './embedding.js';
import { moeFfn, openFfn } from './ffn.js';
import { type AngleInputs, angleInputs } from './inputs.js';
import { finalNormed, outputNextTokens } from './lm-head.js';
import { branchInput, withBranch } from './residual.js';

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

/** The parts of a block's cache, by the names they are fed under. */
export const cacheParts = ['sharedKey', 'sharedValue', 'pastKey', 'pastValue'] as const;
export type CachePart = (typeof cacheParts)[number];
export const cacheInput = (part: CachePart, { index }: Block): string => `${part}.${index}`;
export const ownOutput = (part: 'key' | 'value', { index }: Block): string => `${part}.${index}`;

/**
 * One more token of B sequences through part of a model: `ids` int32 [B], or `hidden` [B, H] where it does not embed,
 * to `hiddenOut` [B, H], and where it heads to `token` int32 [B], the most probable one that follows, or to what the head
 * is multiplied with, `normed` [B, H]; `finite` as in `blockGraph`. `past`
 * int64 [B] counts the tokens before each, whose keys and values go in as `cacheInput` names them, see `Caches`, and
 * those of the new tokens come out as `ownOutput` does. All blocks in one graph share the memory of their activations.
 */
export function decodeGraph(model: Model, { blocks, embeds, heads }: DecodePart): GraphIR {
  const { hiddenSize, rope } = model.config;
  const graph = new GraphBuilder('decode');
  const angles = angleInputs(graph, rope.dim);
  let hidden = embeds
    ? embedded(graph.input('ids', 'int32', ['T']), model)
    : graph.input('hidden', 'float32', ['T', hiddenSize]);
  const past = graph.input('past', 'int64', ['T']);
  const masks = new Map<number | null, Value>();
  for (const block of blocks) {
    const caches = cacheInputs(graph, block);
    const { window } = windowAndSinks(block.attention);
    // The caches of all blocks are of the same length.
    const mask = masks.get(window) ?? maskOf(caches, past, window);
    masks.set(window, mask);
    hidden = graph.withFewRows(fewRows, () =>
      graph.scoped(`block.${block.index}`, () =>
        step(model, block, hidden, { angles, caches: { ...caches, mask } }),
      ),
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

function cacheInputs(graph: GraphBuilder, block: Block): Omit<Caches, 'mask'> {
  const { attention } = block;
  const { kvHeads, headDim } = attention;
  const input = (part: CachePart, shape: readonly (string | number)[]) =>
    graph.input(cacheInput(part, block), 'float32', shape);
  return {
    sharedKey: input('sharedKey', [kvHeads, 'P', headDim]),
    sharedValue: input('sharedValue', [kvHeads, 'P', valueDimOf(attention)]),
    pastKey: input('pastKey', ['T', kvHeads, 'C', headDim]),
    pastValue: input('pastValue', ['T', kvHeads, 'C', valueDimOf(attention)]),
  };
}

/** Far below any score, and finite. */
const outOfReach = -1e30;

/** Which places the newest tokens see: those before them, as far back as the window reaches, and themselves. */
function maskOf({ sharedKey, pastKey }: Omit<Caches, 'mask'>, past: Value, window: number | null): Value {
  const { graph } = past;
  const count = squeeze(add(sizeOf(sharedKey, 1), sizeOf(pastKey, 2)), 0);
  const places = range(graph, count, 'P+C');
  const next = unsqueeze(past, 1);
  const before = greater(next, places);
  const visible = window === null ? before : and(before, greater(places, plusNumber(next, -window)));
  const [nothing, low] = [0, outOfReach].map((number) => graph.constant([number], [], 'float32'));
  const mask = where(visible, nothing!, low!);
  const own = unsqueeze(timesNumber(cast(past, 'float32'), 0), 1);
  return unsqueeze(unsqueeze(concat([mask, own], 1), 1), 1);
}

function step(
  model: Model,
  block: Block,
  hidden: Value,
  inputs: { readonly angles: AngleInputs; readonly caches: Caches },
): Value {
  const { graph } = hidden;
  const { rmsNormEps } = model.config;
  const { attention, ffn } = block;
  const { output, own } = graph.scoped('attention', () => {
    const normed = branchInput(hidden, 'attention', block, model);
    return stepAttention(normed, attention, { ...inputs, epsilon: rmsNormEps });
  });
  graph.output(ownOutput('key', block), own.key);
  graph.output(ownOutput('value', block), own.value);
  const residual = withBranch(hidden, output, { part: 'attention', block, model });
  const normed = branchInput(residual, 'ffn', block, model);
  const made = graph.scoped('ffn', () =>
    ffn.kind === 'moe' ? moeFfn(normed, ffn).output : openFfn(normed, ffn).output,
  );
  return withBranch(residual, made, { part: 'ffn', block, model });
}
