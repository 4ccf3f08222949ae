import { type Block, hasFfn, type Model, type Value } from '@moepress/core';
import { GraphBuilder, type GraphIR, reduceSum } from '@moepress/graph';
import { embedded } from './embedding.js';
import { moeFfn, openFfn, partsOf } from './ffn.js';
import { finalNormed, outputNextTokens } from './lm-head.js';
import { ffnInputOf, withBranch } from './residual.js';
import { attended, type Mix, stepMixers } from './step-mixers.js';

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
  let hidden = embeds
    ? embedded(graph.input('ids', 'int32', ['T']), model)
    : graph.input('hidden', 'float32', ['T', hiddenSize]);
  const past = graph.input('past', 'int64', ['T']);
  const mixOf = stepMixers(graph, model, past);
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

/** `normed` [T, H] to `token` and `finite`, see `decodeGraph`. */
export function decodeHeadGraph(model: Model): GraphIR {
  const graph = new GraphBuilder('decode.head');
  outputTokens(graph.input('normed', 'float32', ['T', model.config.hiddenSize]), model);
  return graph.finish();
}

/** Outputs `token` and `finite` of hidden states after the final norm. */
export function outputTokens(normed: Value, model: Model): void {
  const { graph } = normed;
  graph.withFewRows(fewRows, () => graph.scoped('head', () => outputNextTokens(normed, model)));
}

/** Up to so many rows are multiplied with a weight one by one. Measured on weights of OLMoE in bf16; seven take as long at once. */
export const fewRows = 6;

/** A block for the newest tokens: [B, H] to [B, H]. */
export function step(model: Model, block: Block, hidden: Value, mix: Mix | null): Value {
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
