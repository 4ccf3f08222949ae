import type { LatentAttention, LatentDown, Value } from '@moepress/core';
import { expand, join, rmsNorm, slice, unsqueeze } from '@moepress/graph';
import { weightFor } from '../weights.js';
import type { Asking, Heads, Turn } from './heads.js';
import { project, split } from './project.js';

/**
 * Multi-head latent attention with keys and values of every head spelled out (DeepSeek-V2, arXiv
 * 2405.04434, section 2.1.2): each head has its own content, and its keys share one rotated part.
 */
export function latentHeads(x: Value, spec: LatentAttention, turn: Turn, asking: Asking): Heads {
  const { heads, headDim, contentDim, valueDim, rope } = spec;
  const queries = split(project(queryLatent(asking.x, spec.q.down), spec.q.up), [heads, headDim]);
  const turned = asking.turn(flat(slice(queries, 2, contentDim, headDim)), heads);

  const down = project(x, spec.kvDown.linear);
  const latentDim = Number(down.shape[1]) - rope.dim;
  const latent = normed(slice(down, 1, 0, latentDim), spec.kvDown);
  const content = split(project(latent, spec.kvUp), [heads, contentDim + valueDim]);
  const shared = turn(slice(down, 1, latentDim, latentDim + rope.dim), 1);
  return {
    query: flat(join([slice(queries, 2, 0, contentDim), split(turned, [heads, rope.dim])], 2)),
    key: flat(join([slice(content, 2, 0, contentDim), expand(unsqueeze(shared, 1), 1, heads)], 2)),
    value: flat(slice(content, 2, contentDim, contentDim + valueDim)),
  };
}

const queryLatent = (x: Value, down: LatentDown | null): Value =>
  down ? normed(project(x, down.linear), down) : x;

const normed = (latent: Value, { norm, epsilon }: LatentDown): Value =>
  rmsNorm(latent, weightFor(latent, norm), epsilon);

/** [T, heads, D] as [T, heads * D]. */
const flat = (x: Value): Value => split(x, [Number(x.shape[1]) * Number(x.shape[2])]);
