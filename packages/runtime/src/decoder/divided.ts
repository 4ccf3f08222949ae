import { type Block, hasFfn, type Model, type MoeFfn, type Value } from '@moepress/core';
import { add, GraphBuilder, type GraphIR } from '@moepress/graph';
import { fewRows, outputTokens, step } from './decode.js';
import { embedded } from './embedding.js';
import { backFromExperts, partsOf, sumOfExperts, withShared } from './ffn.js';
import { finalNormed } from './lm-head.js';
import { ffnInputOf, withBranch } from './residual.js';
import { route } from './router/route.js';
import { attended, stepMixers } from './step-mixers.js';

/** A block whose FFN has experts. */
export type MoeBlock = Block & { readonly ffn: MoeFfn };

/**
 * What lies between the experts of one block and those of the next: the rest of the one, blocks without experts, and the
 * next one up to its experts. The first begins with the embedding, the last ends with the head.
 */
export interface Stretch {
  /** The block whose experts have just been computed; null in the first stretch. */
  readonly before: MoeBlock | null;
  readonly between: readonly Block[];
  /** The block whose experts come next; null in the last one. */
  readonly next: MoeBlock | null;
}

const isMoe = (block: Block): block is MoeBlock => block.ffn.kind === 'moe';

export function stretchesOf({ blocks }: Pick<Model, 'blocks'>): Stretch[] {
  const stretches: Stretch[] = [];
  let before: MoeBlock | null = null;
  let between: Block[] = [];
  for (const block of blocks) {
    if (!isMoe(block)) {
      between.push(block);
      continue;
    }
    stretches.push({ before, between, next: block });
    [before, between] = [block, []];
  }
  return [...stretches, { before, between, next: null }];
}

/** The blocks of a stretch whose caches it reads and lengthens. */
export const mixingBlocks = ({ between, next }: Stretch): Block[] => [...between, ...(next ? [next] : [])];

/** The input that the sum of the i-th worker's experts is fed to. */
export const sumInput = (i: number): string => `sum.${i}`;

/**
 * A stretch for one more token of B sequences, as in `decodeGraph`: `ids` int32 [B], or `residual` and `ffnInput` [B, H] of
 * the block before and what each worker's experts have made of these, `sumInput` [B, own space], to `residualOut` and
 * `ffnInputOut` of the next one; or, in the last one, to `token`, `finite` and `hiddenOut`.
 */
export function stretchGraph(model: Model, { before, between, next }: Stretch, workers: number): GraphIR {
  const graph = new GraphBuilder('decode.stretch');
  const input = (name: string, size = model.config.hiddenSize) => graph.input(name, 'float32', ['T', size]);
  return graph.withFewRows(fewRows, () => {
    let hidden = before
      ? withExperts(model, before, {
          residual: input('residual'),
          ffnInput: input('ffnInput'),
          sums: Array.from({ length: workers }, (_, i) => input(sumInput(i), spaceOf(before, model))),
        })
      : embedded(graph.input('ids', 'int32', ['T']), model);
    const mixOf = mixing(graph, model, { before, between, next });
    for (const block of between) {
      const mix = mixOf(block);
      const came = hidden;
      hidden = graph.scoped(`block.${block.index}`, () => step(model, block, came, mix));
    }
    if (!next) {
      graph.output('hiddenOut', hidden);
      outputTokens(finalNormed(hidden, model), model);
      return graph.finish();
    }
    const mix = mixOf(next);
    graph.scoped(`block.${next.index}`, () => {
      const residual = mix ? attended(model, next, hidden, mix) : hidden;
      graph.output('residualOut', residual);
      graph.output('ffnInputOut', ffnInputOf({ came: hidden, residual }, next, model));
    });
    return graph.finish();
  });
}

/** Mixers, with what they are fed only where there are any. */
function mixing(graph: GraphBuilder, model: Model, stretch: Stretch): ReturnType<typeof stepMixers> {
  const mixes = mixingBlocks(stretch).some(({ attention }) => attention.kind !== 'none');
  return mixes ? stepMixers(graph, model, graph.input('past', 'int64', ['T'])) : () => null;
}

/** Numbers of what experts make of a token. */
const spaceOf = ({ ffn }: MoeBlock, model: Model): number =>
  ffn.latent?.up.weight.shape[1] ?? model.config.hiddenSize;

/** What comes out of a block of which the experts have been computed. */
function withExperts(
  model: Model,
  block: MoeBlock,
  {
    residual,
    ffnInput,
    sums,
  }: { readonly residual: Value; readonly ffnInput: Value; readonly sums: readonly Value[] },
): Value {
  const { ffn } = block;
  const { graph } = residual;
  const routed = sums.reduce((total, sum) => add(total, sum));
  const parts = partsOf(block, model);
  const made = graph.scoped(
    'ffn',
    () => withShared(backFromExperts(routed, ffn), ffnInput, ffn.shared, parts).output,
  );
  return withBranch(residual, made, { part: 'ffn', block, model });
}

/** Some experts of a block on the inputs of the FFN `x` [T, H]: `sum` [T, own space], what they add to its output. */
export function expertsGraph(model: Model, block: MoeBlock, members: readonly number[]): GraphIR {
  const graph = new GraphBuilder('decode.experts');
  const x = graph.input('x', 'float32', ['T', model.config.hiddenSize]);
  const { ffn } = block;
  graph.withFewRows(fewRows, () =>
    graph.scoped(`block.${block.index}`, () => {
      const routing = route(x, ffn);
      graph.output('sum', sumOfExperts(x, ffn, { parts: partsOf(block, model), routing, members }));
    }),
  );
  return graph.finish();
}

/** Whether a model has experts that can be divided. */
export const hasExperts = ({ blocks }: Pick<Model, 'blocks'>): boolean =>
  blocks.some((block) => hasFfn(block) && isMoe(block));
