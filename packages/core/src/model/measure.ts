import { elementCount } from '../tensor/dtype.js';
import { storedBytes, type TensorExpr } from '../tensor/expr.js';
import type { Block, Expert, Linear, Mlp, Model, MoeFfn, Router, SharedExpert } from './model.js';

/** Parameters and bytes of a model by part, as stored; a tied head counts once. */
export interface ModelSize {
  readonly embeddings: Size;
  readonly attention: Size;
  readonly norms: Size;
  readonly routers: Size;
  readonly routedExperts: Size;
  readonly sharedExperts: Size;
  readonly denseFfns: Size;
  readonly total: Size;
}

export interface Size {
  readonly parameters: number;
  readonly bytes: number;
}

export function moeBlocks(model: Model): (Block & { readonly ffn: MoeFfn })[] {
  return model.blocks.filter((block): block is Block & { ffn: MoeFfn } => block.ffn.kind === 'moe');
}

export function mlpTensors(mlp: Mlp): TensorExpr[] {
  return [mlp.gate, mlp.up, mlp.down, ...(mlp.bias ? [mlp.bias.gate, mlp.bias.up, mlp.bias.down] : [])];
}

/** All tensors of a block's attention, without its norm. */
export function attentionTensors({ attention }: Block): TensorExpr[] {
  if (attention.kind === 'mla') {
    const { q, kvDown, kvUp, o } = attention;
    const downs = [...(q.down ? [q.down] : []), kvDown];
    return [
      ...[q.up, kvUp, o, ...downs.map(({ linear }) => linear)].flatMap(linearTensors),
      ...downs.map(({ norm }) => norm),
    ];
  }
  const { q, k, v, o, qkNorm, sinks } = attention;
  return [
    ...[q, k, v, o].flatMap(linearTensors),
    ...(qkNorm ? [qkNorm.q, qkNorm.k] : []),
    ...(sinks ? [sinks] : []),
  ];
}

/** All tensors of a router. */
export function routerTensors({ weight, bias, selectionBias }: Router): TensorExpr[] {
  return [weight, ...(bias ? [bias] : []), ...(selectionBias ? [selectionBias] : [])];
}

/** All tensors of a block. */
export function blockTensors(block: Block): TensorExpr[] {
  const { norms, ffn } = block;
  const own = [norms.attention, norms.ffn, ...attentionTensors(block)];
  const shared = ffn.shared ? sharedTensors(ffn.shared) : [];
  if (ffn.kind === 'dense') return [...own, ...mlpTensors(ffn.mlp), ...shared];
  return [...own, ...routerTensors(ffn.router), ...ffn.pool.flatMap(mlpTensors), ...shared];
}

/** All tensors of a shared expert, its gate included. */
function sharedTensors({ mlp, gate }: SharedExpert): TensorExpr[] {
  return [...mlpTensors(mlp), ...(gate ? [gate] : [])];
}

const linearTensors = ({ weight, bias }: Linear): TensorExpr[] => (bias ? [weight, bias] : [weight]);

function sizeOf(tensors: Iterable<TensorExpr>): Size {
  let parameters = 0;
  let bytes = 0;
  for (const tensor of tensors) {
    parameters += elementCount(tensor.shape);
    bytes += storedBytes(tensor);
  }
  return { parameters, bytes };
}

/** The experts of all pools by origin; one that several layers share (a wider scope's prototype) comes once. */
export function distinctExperts(model: Model): Expert[] {
  const pools = moeBlocks(model).flatMap(({ ffn }) => ffn.pool);
  const distinct = new Map(pools.map((expert) => [`${expert.origin.layer}.${expert.origin.index}`, expert]));
  return [...distinct.values()].sort(
    (a, b) => a.origin.layer - b.origin.layer || a.origin.index - b.origin.index,
  );
}

export function measure(model: Model): ModelSize {
  const moe = moeBlocks(model).map((block) => block.ffn);
  const parts = {
    embeddings: sizeOf(model.config.tiedEmbeddings ? [model.embed] : [model.embed, model.head]),
    attention: sizeOf(model.blocks.flatMap(attentionTensors)),
    norms: sizeOf([model.finalNorm, ...model.blocks.flatMap(({ norms }) => [norms.attention, norms.ffn])]),
    routers: sizeOf(moe.flatMap((ffn) => routerTensors(ffn.router))),
    routedExperts: sizeOf(distinctExperts(model).flatMap(mlpTensors)),
    sharedExperts: sizeOf(model.blocks.flatMap(({ ffn }) => (ffn.shared ? sharedTensors(ffn.shared) : []))),
    denseFfns: sizeOf(model.blocks.flatMap(({ ffn }) => (ffn.kind === 'dense' ? mlpTensors(ffn.mlp) : []))),
  };
  const total = Object.values(parts).reduce(
    (sum, part) => ({ parameters: sum.parameters + part.parameters, bytes: sum.bytes + part.bytes }),
    { parameters: 0, bytes: 0 },
  );
  return { ...parts, total };
}

/** Parameters of what may be compressed and of everything. */
export interface ParameterCounts {
  /** Of routed experts, shared experts and dense FFNs. */
  readonly ffns: number;
  readonly whole: number;
}

/** Parameters of a model, whether or not they are stored so: an expert that several slots share counts once. */
export function countParameters(model: Model): ParameterCounts {
  const { routedExperts, sharedExperts, denseFfns, total } = measure(model);
  const ffns = routedExperts.parameters + sharedExperts.parameters + denseFfns.parameters;
  return { ffns, whole: total.parameters };
}

/** Shares of the parameters of a model that are gone. */
export interface RemovedRatios {
  /** Of those of its routed experts. */
  readonly routed: number;
  readonly whole: number;
}

/**
 * What was removed, always given twice: of the routed-expert parameters and of the whole model. Experts that
 * became part of a dense FFN are still there. `after` is a view, or what files were found to hold of one.
 */
export function removedRatios(before: Model, after: Model | ParameterCounts): RemovedRatios {
  const [a, b] = [countParameters(before), 'ffns' in after ? after : countParameters(after)];
  const share = (gone: number, of: number) => (of === 0 ? 0 : gone / of);
  return {
    routed: share(a.ffns - b.ffns, measure(before).routedExperts.parameters),
    whole: share(a.whole - b.whole, a.whole),
  };
}
