import type { GatedDeltaRule, Value } from '@moepress/core';
import {
  cast,
  concat,
  fold,
  gather,
  greater,
  mul,
  plusNumber,
  reshape,
  rmsNorm,
  sigmoid,
  silu,
  slice,
  squeeze,
  transpose,
  unsqueeze,
  zerosOf,
} from '@moepress/graph';
import { chunkLength, shortChunkLength } from '../../tokens/chunk-layout.js';
import { project, viewAs } from '../attention/projections.js';
import { weightFor } from '../weights.js';
import { convolvedChunk } from './chunk-convolution.js';
import { type ChunkInputs, fromChunks, toChunks } from './chunks.js';
import { headsOf, laidOut, projected } from './delta-inputs.js';
import { deltaChunk, deltaRuleStep, placesOf } from './recurrence.js';

/** What stays of the tokens of a sequence: its state and the inputs of the convolution that the next tokens see. */
export interface DeltaStates {
  /** [B, 1, valueHeads * keyDim * valueDim] */
  readonly state: Value;
  /** [B, 1, (window - 1) * channels] */
  readonly tail: Value;
}

interface DeltaSizes {
  readonly state: number;
  readonly tail: number;
}

/** Tokens that are computed together: with a decay for each channel fewer, since each pair of them has its own. */
export const deltaChunkLength = ({ input }: GatedDeltaRule): number =>
  input.layout === 'channelwise' ? shortChunkLength : chunkLength;

/** Tokens that the convolution sees. */
const windowOf = ({ convolution }: GatedDeltaRule): number => convolution.shape[2]!;

/** How many numbers stay of a sequence. */
export function deltaSizes({ valueHeads, keyDim, valueDim, convolution }: GatedDeltaRule): DeltaSizes {
  const [channels, , window] = convolution.shape as [number, number, number];
  return { state: valueHeads * keyDim * valueDim, tail: (window - 1) * channels };
}

export interface DeltaOptions {
  readonly chunks: ChunkInputs;
  readonly epsilon: number;
  /**
   * Whether the graph is to have derivatives. Then the inputs of all chunks are laid out beforehand, and everything between
   * the projections is in double precision.
   */
  readonly differentiable?: boolean;
  /**
   * Whether states are in double precision, as they are with derivatives. The norm behind a head makes the errors of small
   * outputs as large as others, which gradients show: what they are taken at is computed so.
   */
  readonly exact?: boolean;
}

/**
 * x [T, H] to [T, H]. All sequences begin in this run. What is between the projections is computed a chunk at a time, so that
 * it stays in a core's cache however many tokens there are.
 */
export function gatedDeltaRule(
  x: Value,
  spec: GatedDeltaRule,
  { chunks, epsilon, differentiable = false, exact = differentiable }: DeltaOptions,
): { readonly output: Value; readonly states: DeltaStates } {
  const { keyHeads, valueHeads, keyDim, valueDim } = spec;
  const [group, sizes, channels] = [valueHeads / keyHeads, deltaSizes(spec), spec.convolution.shape[0]!];
  const { wide, beta, decay } = projected(x, spec);
  const places = placesOf(x.graph, slice(chunks.sizes, 0, 2, 3), chunks.axes[1]);
  const byChunk = (rows: Value, own: readonly number[]) => viewByChunk(rows, chunks, own);
  const sources = differentiable ? wide.map((value) => toChunks(value, chunks)) : [chunks.rows];
  const dtype = differentiable ? 'float64' : x.dtype;
  const as = (value: Value) => cast(value, dtype);
  const none = statesOfNone(x, spec, chunks);
  const { states, outputs } = fold(
    [
      exact ? cast(none.state, 'float64') : none.state,
      as(none.tail),
      as(tapsOf(x, spec)),
      as(weightFor(x, spec.norm)),
    ],
    [toChunks(beta, chunks), toChunks(decay, chunks), ...sources],
    ([state, tail, taps, norm], [b, g, ...parts]) => {
      const rows = differentiable
        ? parts.map((part) => as(viewAs(part, part.shape.slice(2) as number[])))
        : wide.map((value) => gather(value, parts[0]!));
      const { qkv, z } = laidOut(rows, spec);
      const mixed = convolvedChunk(byChunk(qkv, [channels]), taps!, tail!);
      const { query, key, value } = headsOf(viewAs(mixed.output, [channels]), spec);
      const own = {
        query: toHeads(byChunk(query, [keyHeads, 1, keyDim])),
        key: toHeads(byChunk(key, [keyHeads, 1, keyDim])),
        value: toHeads(byChunk(value, [keyHeads, group, valueDim])),
        beta: toHeads(b!),
        decay: toHeads(g!),
      };
      const made = deltaChunk(state!, own, places);
      const heads = viewAs(fromHeads(made.output), [valueHeads, valueDim]);
      const output = cast(gatedHeads(heads, { norm: norm!, z, spec, epsilon }), x.dtype);
      return {
        states: [made.state, mixed.tail, taps!, norm!],
        outputs: [byChunk(output, [valueHeads * valueDim])],
      };
    },
  );
  const flat = (value: Value, size: number) => reshape(value, [-1, 1, size], ['sequences', 1, size]);
  return {
    output: project(fromChunks(outputs[0]!, chunks), spec.o),
    states: {
      state: flat(cast(states[0]!, x.dtype), sizes.state),
      tail: flat(tailsOf(wide, spec, chunks), sizes.tail),
    },
  };
}

/** One more token x [B, H] of each sequence. */
export function gatedDeltaRuleStep(
  x: Value,
  spec: GatedDeltaRule,
  { before, epsilon }: { readonly before: DeltaStates; readonly epsilon: number },
): { readonly output: Value; readonly states: DeltaStates } {
  const { keyHeads, valueHeads, keyDim, valueDim } = spec;
  const [channels, window] = [spec.convolution.shape[0]!, windowOf(spec)];
  const { wide, beta, decay } = projected(x, spec);
  const { qkv, z } = laidOut(wide, spec);
  const tail = viewAs(before.tail, [window - 1, channels]);
  const mixed = convolvedChunk(unsqueeze(qkv, 1), tapsOf(x, spec), tail);
  const { query, key, value } = headsOf(squeeze(mixed.output, 1), spec);
  // [B, keyHeads, group, dim] to [B, keyHeads, group, 1, dim]
  const one = (part: Value) => unsqueeze(part, 3);
  const state = viewAs(before.state, [keyHeads, valueHeads / keyHeads, keyDim, valueDim]);
  const after = deltaRuleStep(state, {
    query: one(query),
    key: one(key),
    value: one(value),
    beta: one(beta),
    decay: one(decay),
  });
  const sizes = deltaSizes(spec);
  const heads = viewAs(after.output, [valueHeads, valueDim]);
  return {
    output: project(gatedHeads(heads, { norm: weightFor(x, spec.norm), z, spec, epsilon }), spec.o),
    states: { state: viewAs(after.state, [1, sizes.state]), tail: viewAs(mixed.tail, [1, sizes.tail]) },
  };
}

/** heads [N, valueHeads, valueDim], normed and gated by z [N, valueHeads * valueDim], as which they come. */
function gatedHeads(
  heads: Value,
  {
    norm,
    z,
    spec: { input, valueHeads, valueDim },
    epsilon,
  }: { readonly norm: Value; readonly z: Value; readonly spec: GatedDeltaRule; readonly epsilon: number },
): Value {
  const gate = viewAs(z, [valueHeads, valueDim]);
  const open = input.layout === 'channelwise' ? sigmoid(gate) : silu(gate);
  return viewAs(mul(rmsNorm(heads, norm, epsilon), open), [valueHeads * valueDim]);
}

/** The weight of the convolution, [window, channels]. */
const tapsOf = (x: Value, { convolution }: GatedDeltaRule): Value =>
  transpose(squeeze(weightFor(x, convolution), 1), [1, 0]);

/** Rows [B * C, ..] as [B, C, ..own]. */
const viewByChunk = (rows: Value, { sizes, axes }: ChunkInputs, own: readonly number[]): Value => {
  const { graph } = rows;
  const target = concat([slice(sizes, 0, 1, 3), graph.constant(own, [own.length], 'int64')], 0);
  return graph.op('Reshape', [rows, target], { shape: ['sequences', axes[1], ...own] });
};

/** From [B, C, keyHeads, group, dim] to [B, keyHeads, group, C, dim], and back. */
const toHeads = (part: Value): Value => transpose(part, [0, 2, 3, 1, 4]);
const fromHeads = (part: Value): Value => transpose(part, [0, 3, 1, 2, 4]);

/** What the convolution was fed last of each sequence, [B, window - 1, channels]; zeros where there is no token. */
function tailsOf(wide: readonly Value[], spec: GatedDeltaRule, { tails }: ChunkInputs): Value {
  const [channels, count] = [spec.convolution.shape[0]!, windowOf(spec) - 1];
  const own = reshape(tails, [-1], ['tails']);
  const none = tails.graph.constant([0], [], 'int32');
  // -1 is the last row, which the zero hides.
  const at = plusNumber(own, -1);
  const { qkv } = laidOut(
    wide.map((value) => gather(value, at)),
    spec,
  );
  const known = unsqueeze(cast(greater(own, none), qkv.dtype), 1);
  return reshape(mul(qkv, known), [-1, count, channels], ['sequences', count, channels]);
}

/** A state [B, keyHeads, group, keyDim, valueDim] and a tail [B, window - 1, channels] of zeros. */
function statesOfNone(x: Value, spec: GatedDeltaRule, { sizes }: ChunkInputs): DeltaStates {
  const { keyHeads, valueHeads, keyDim, valueDim, convolution } = spec;
  const zeros = (...own: number[]) => {
    const all = concat([slice(sizes, 0, 1, 2), x.graph.constant(own, [own.length], 'int64')], 0);
    return zerosOf(all, ['sequences', ...own], x.dtype);
  };
  return {
    state: zeros(keyHeads, valueHeads / keyHeads, keyDim, valueDim),
    tail: zeros(windowOf(spec) - 1, convolution.shape[0]!),
  };
}
