import type { LatentAttention, LatentDown, Value } from '@moepress/core';
import { concat, expand, rmsNorm, slice, unsqueeze } from '@moepress/graph';
import { weightFor } from '../weights.js';
import { indexerOf, indexHeads } from './indexer.js';
import { type HeadOptions, type Heads, project, type Rotate, viewAs } from './projections.js';

/**
 * Multi-head latent attention with keys and values of every head spelled out (DeepSeek-V2, arXiv
 * 2405.04434, section 2.1.2): each head has its own content, and its keys share one rotated part.
 */
export function latentHeads(
  x: Value,
  spec: LatentAttention,
  { rotate, asking = { x, rotate } }: Omit<HeadOptions, 'norms'>,
): Heads {
  const { heads, headDim, contentDim, valueDim, rope, unrotated } = spec;
  const asked = queryLatent(asking.x, spec.q.down);
  const queries = viewAs(project(asked, spec.q.up), [heads, headDim]);
  const turned: Rotate = (part, count) => (unrotated ? part : asking.rotate(part, count));
  const rotated = turned(flat(slice(queries, 2, contentDim, headDim)), heads);

  const down = project(x, spec.kvDown.linear);
  const latentDim = Number(down.shape[1]) - rope.dim;
  const latent = normed(slice(down, 1, 0, latentDim), spec.kvDown);
  const content = viewAs(project(latent, spec.kvUp), [heads, contentDim + valueDim]);
  const indexer = indexerOf(spec);
  const position = slice(down, 1, latentDim, latentDim + rope.dim);
  const shared = unrotated ? position : rotate(position, 1);
  return {
    query: flat(concat([slice(queries, 2, 0, contentDim), viewAs(rotated, [heads, rope.dim])], 2)),
    key: flat(concat([slice(content, 2, 0, contentDim), expand(unsqueeze(shared, 1), 1, heads)], 2)),
    value: flat(slice(content, 2, contentDim, contentDim + valueDim)),
    gate: null,
    index: indexer && indexHeads(x, { latent: asked, asking, rotate }, indexer, rope.dim),
  };
}

const queryLatent = (x: Value, down: LatentDown | null): Value =>
  down ? normed(project(x, down.linear), down) : x;

const normed = (latent: Value, { norm, epsilon }: LatentDown): Value =>
  rmsNorm(latent, weightFor(latent, norm), epsilon);

/** [T, heads, D] as [T, heads * D]. */
const flat = (x: Value): Value => viewAs(x, [Number(x.shape[1]) * Number(x.shape[2])]);
