import { byteLength, elementCount } from '../tensor/dtype.js';
import type { TensorExpr } from '../tensor/expr.js';
import type { Block, Expert, Mlp, Model, MoeFfn } from './model.js';

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
  return [mlp.gate, mlp.up, mlp.down];
}

/** All tensors of a block's attention, without its norm. */
export function attentionTensors({ attention }: Block): TensorExpr[] {
  const linears = [attention.q, attention.k, attention.v, attention.o];
  return [
    ...linears.flatMap(({ weight, bias }) => (bias ? [weight, bias] : [weight])),
    ...(attention.qkNorm ? [attention.qkNorm.q, attention.qkNorm.k] : []),
  ];
}

function sizeOf(tensors: Iterable<TensorExpr>): Size {
  let parameters = 0;
  let bytes = 0;
  for (const { dtype, shape } of tensors) {
    parameters += elementCount(shape);
    bytes += byteLength(dtype, shape);
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
    routers: sizeOf(moe.map((ffn) => ffn.router.weight)),
    routedExperts: sizeOf(distinctExperts(model).flatMap(mlpTensors)),
    sharedExperts: sizeOf(
      moe.flatMap(({ shared }) =>
        shared ? [...mlpTensors(shared.mlp), ...(shared.gate ? [shared.gate] : [])] : [],
      ),
    ),
    denseFfns: sizeOf(model.blocks.flatMap(({ ffn }) => (ffn.kind === 'dense' ? mlpTensors(ffn.mlp) : []))),
  };
  const total = Object.values(parts).reduce(
    (sum, part) => ({ parameters: sum.parameters + part.parameters, bytes: sum.bytes + part.bytes }),
    { parameters: 0, bytes: 0 },
  );
  return { ...parts, total };
}

/** What was removed, always given twice: of the routed-expert parameters and of the whole model. */
export function removedRatios(
  before: Model,
  after: Model,
): { readonly routed: number; readonly whole: number } {
  const [a, b] = [measure(before), measure(after)];
  const removed = (x: Size, y: Size) => (x.parameters === 0 ? 0 : 1 - y.parameters / x.parameters);
  return { routed: removed(a.routedExperts, b.routedExperts), whole: removed(a.total, b.total) };
}
