import { elementCount } from '../tensor/dtype.js';
import { storedBytes, type TensorExpr } from '../tensor/expr.js';
import type { Model } from './model.js';
import { tensorsIn } from './tensors.js';
import {
  attentionTensors,
  distinctExperts,
  mlpTensors,
  moeBlocks,
  normTensors,
  routerTensors,
  sharedTensors,
} from './walk.js';

/** Parameters and bytes of a model by part, as stored; a tied head counts once. */
export interface ModelSize {
  readonly embeddings: Size;
  readonly attention: Size;
  readonly norms: Size;
  /** With the projections around experts that see a narrower space. */
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

function sizeOf(tensors: Iterable<TensorExpr>): Size {
  let parameters = 0;
  let bytes = 0;
  for (const tensor of tensors) {
    parameters += elementCount(tensor.shape);
    bytes += storedBytes(tensor);
  }
  return { parameters, bytes };
}

/** Counts every part of a model. */
export function measure(model: Model): ModelSize {
  const moe = moeBlocks(model).map((block) => block.ffn);
  const { head, headBias, finalNorm, finalNormBias } = model;
  const { tiedEmbeddings } = model.config;
  const parts = {
    embeddings: sizeOf([model.embed, ...(tiedEmbeddings ? [] : [head]), ...(headBias ? [headBias] : [])]),
    attention: sizeOf(model.blocks.flatMap(attentionTensors)),
    norms: sizeOf([
      ...[finalNorm, ...(finalNormBias ? [finalNormBias] : [])],
      ...model.blocks.flatMap(normTensors),
    ]),
    routers: sizeOf(
      moe.flatMap(({ router, latent }) => [...routerTensors(router), ...tensorsIn(latent ?? {})]),
    ),
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
  /** Parameters of routed experts, shared experts and dense FFNs. */
  readonly ffns: number;
  readonly whole: number;
}

/** Parameters of a model, whether or not they are stored so: an expert that several slots share counts once. */
export function countParameters(model: Model): ParameterCounts {
  const { routedExperts, sharedExperts, denseFfns, total } = measure(model);
  const ffns = routedExperts.parameters + sharedExperts.parameters + denseFfns.parameters;
  return { ffns, whole: total.parameters };
}

/** The shares of a model's parameters that were removed. */
export interface RemovedRatios {
  /** Share of the parameters of its routed experts that was removed. */
  readonly routed: number;
  readonly whole: number;
}

/**
 * What was removed, always as two shares: of the routed-expert parameters and of the whole model. Experts that became
 * part of a dense FFN do not count as removed. `after` is a view, or what its files were found to hold.
 */
export function removedRatios(before: Model, after: Model | ParameterCounts): RemovedRatios {
  const [a, b] = [countParameters(before), 'ffns' in after ? after : countParameters(after)];
  const share = (gone: number, of: number) => (of === 0 ? 0 : gone / of);
  return {
    routed: share(a.ffns - b.ffns, measure(before).routedExperts.parameters),
    whole: share(a.whole - b.whole, a.whole),
  };
}
