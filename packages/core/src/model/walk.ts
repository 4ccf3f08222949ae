import { MoepressError } from '../errors/error.js';
import type { TensorExpr } from '../tensor/expr.js';
import type {
  Attention,
  Block,
  DenseFfn,
  Expert,
  Mlp,
  Model,
  MoeFfn,
  Router,
  SharedExpert,
} from './model.js';
import type { Recurrence } from './recurrence.js';
import { tensorsIn } from './tensors.js';

/** A decoder layer with experts. */
export type MoeBlock = Block & { readonly ffn: MoeFfn };

/** A decoder layer with a dense FFN. */
export type DenseBlock = Block & { readonly ffn: DenseFfn };

/** The layers with experts, in depth order. */
export function moeBlocks(model: Model): MoeBlock[] {
  return model.blocks.filter((block): block is MoeBlock => block.ffn.kind === 'moe');
}

/** The layers with a dense FFN, in depth order. */
export function denseBlocks(model: Model): DenseBlock[] {
  return model.blocks.filter((block): block is DenseBlock => block.ffn.kind === 'dense');
}

/**
 * The layers with experts, for a method that does something to them. Throws `INPUT_INVALID` if there are none;
 * `purpose` ends the sentence "... has no routed experts to", for example `drop`.
 */
export function requireMoeBlocks(model: Model, purpose: string): MoeBlock[] {
  const blocks = moeBlocks(model);
  if (blocks.length > 0) return blocks;
  throw new MoepressError('INPUT_INVALID', {
    message: `${model.id} has no routed experts to ${purpose}.`,
    where: model.source.directory,
    hint: 'Give a Mixture-of-Experts model.',
  });
}

/** The experts of all pools by origin; an expert that several layers share occurs once. */
export function distinctExperts(model: Model): Expert[] {
  const pools = moeBlocks(model).flatMap(({ ffn }) => ffn.pool);
  const distinct = new Map(pools.map((expert) => [`${expert.origin.layer}.${expert.origin.index}`, expert]));
  return [...distinct.values()].sort(
    (a, b) => a.origin.layer - b.origin.layer || a.origin.index - b.origin.index,
  );
}

/** All tensors of an MLP. */
export function mlpTensors({ gate, up, down, bias }: Mlp): TensorExpr[] {
  const biases = bias ? [bias.gate, bias.up, bias.down] : [];
  return [gate, up, down, ...biases].filter((tensor) => tensor !== null);
}

/** A decoder layer with an FFN of either kind. */
export type FfnBlock = Block & { readonly ffn: DenseFfn | MoeFfn };

export const hasFfn = (block: Block): block is FfnBlock => block.ffn.kind !== 'none';

/** Whether nothing is left of a layer, so that its output is its input. */
export const isEmptyBlock = ({ attention, ffn }: Block): boolean =>
  attention.kind === 'none' && ffn.kind === 'none';

/** A decoder layer with softmax attention. */
export type AttentionBlock = Block & { readonly attention: Attention };

/** A decoder layer with a recurrence in the place of attention. */
export type RecurrentBlock = Block & { readonly attention: Recurrence };

/** Whether a layer has softmax attention, and no recurrence in its place. */
export const hasAttention = (block: Block): block is AttentionBlock =>
  block.attention.kind === 'gqa' || block.attention.kind === 'mla';

export const isRecurrent = (block: Block): block is RecurrentBlock =>
  !hasAttention(block) && block.attention.kind !== 'none';

/** The layers with softmax attention, in depth order. */
export const attentionBlocks = ({ blocks }: Pick<Model, 'blocks'>): AttentionBlock[] =>
  blocks.filter(hasAttention);

/** All tensors of a block's attention, or of what stands in its place, without its norm. */
export const attentionTensors = ({ attention }: Block): TensorExpr[] => tensorsIn(attention);

/** All tensors of a router. */
export function routerTensors({ weight, bias, selectionBias, input, slotScales }: Router): TensorExpr[] {
  return [weight, bias, selectionBias, input?.scale, slotScales].filter((tensor) => !!tensor);
}

/** All tensors of a shared expert, its gate included. */
export function sharedTensors({ mlp, gate }: SharedExpert): TensorExpr[] {
  return [...mlpTensors(mlp), ...(gate ? [gate] : [])];
}

/** All tensors of a block's norms. */
export function normTensors({ norms, outputScale }: Block): TensorExpr[] {
  const { attention, ffn, bias, after, parts } = norms;
  const all = [
    ...[attention, ffn, bias?.attention, bias?.ffn, after?.attention, after?.ffn],
    ...[parts?.experts, parts?.shared].flatMap((part) => (part ? [part.before, part.after] : [])),
    outputScale,
  ];
  return all.filter((tensor) => !!tensor);
}

/** All tensors behind the last block: of its norm and the head. */
export function headTensors(model: Pick<Model, 'finalNorm' | 'finalNormBias' | 'head' | 'headBias'>) {
  const { finalNorm, finalNormBias, head, headBias } = model;
  return [finalNorm, ...(finalNormBias ? [finalNormBias] : []), head, ...(headBias ? [headBias] : [])];
}

/** All tensors of a block. */
export function blockTensors(block: Block): TensorExpr[] {
  const { ffn } = block;
  const own = [...normTensors(block), ...attentionTensors(block)];
  const shared = ffn.shared ? sharedTensors(ffn.shared) : [];
  if (ffn.kind === 'none') return own;
  if (ffn.kind === 'dense') return [...own, ...mlpTensors(ffn.mlp), ...shared];
  const latent = ffn.latent ? tensorsIn(ffn.latent) : [];
  return [...own, ...routerTensors(ffn.router), ...latent, ...ffn.pool.flatMap(mlpTensors), ...shared];
}
