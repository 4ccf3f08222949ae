import type { GatedDeltaRule, Linear, Value } from '@moepress/core';
import {
  add,
  concat,
  exp,
  mul,
  neg,
  plusNumber,
  reciprocal,
  reduceLogSumExp,
  reduceSum,
  reshape,
  rmsNorm,
  sigmoid,
  silu,
  slice,
  sqrt,
  square,
  timesNumber,
  transpose,
  unsqueeze,
  zerosLike,
  zerosOf,
} from '@moepress/graph';
import { chunkLength, shortChunkLength } from '../../tokens/chunk-layout.js';
import { project, viewAs } from '../attention/projections.js';
import { weightFor } from '../weights.js';
import { type ChunkInputs, fromChunks, toChunks } from './chunks.js';
import { convolved, convolvedStep, tailsOf } from './convolution.js';
import { type DeltaParts, deltaRule, deltaRuleStep } from './recurrence.js';

/** Added to the square of the length of queries and keys, as in Qwen's code. */
const lengthEpsilon = 1e-6;

/** What stays of the tokens of a sequence: its state and the inputs of the convolution that the next tokens see. */
export interface DeltaStates {
  /** [B, 1, valueHeads * keyDim * valueDim] */
  readonly state: Value;
  /** [B, 1, (window - 1) * channels] */
  readonly tail: Value;
}

export interface StateSizes {
  readonly state: number;
  readonly tail: number;
}

/** Tokens that are computed together: with a decay for each channel fewer, since each pair of them has its own. */
export const chunkLengthOf = ({ input }: GatedDeltaRule): number =>
  input.layout === 'channelwise' ? shortChunkLength : chunkLength;

/** Tokens that the convolution sees. */
export const windowOf = ({ convolution }: GatedDeltaRule): number => convolution.shape[2]!;

/** How many numbers stay of a sequence. */
export function stateSizes({ valueHeads, keyDim, valueDim, convolution }: GatedDeltaRule): StateSizes {
  const [channels, , window] = convolution.shape as [number, number, number];
  return { state: valueHeads * keyDim * valueDim, tail: (window - 1) * channels };
}

/** x [T, H] to [T, H], in operators that have derivatives and a double precision. All sequences begin in this run. */
export function gatedDeltaRule(
  x: Value,
  spec: GatedDeltaRule,
  { chunks, epsilon }: { readonly chunks: ChunkInputs; readonly epsilon: number },
): { readonly output: Value; readonly states: DeltaStates } {
  const { valueHeads, valueDim } = spec;
  const { qkv, z, ...gates } = inputsOf(x, spec);
  const mixed = convolved(qkv, weightFor(x, spec.convolution), chunks);
  const parts = partsOf(mixed, spec, gates);
  // [G, B, C, keyHeads, group, dim] to [G, B, keyHeads, group, C, dim]
  const chunked = (part: Value) => transpose(toChunks(part, chunks), [0, 1, 3, 4, 2, 5]);
  const all: DeltaParts = {
    query: chunked(parts.query),
    key: chunked(parts.key),
    value: chunked(parts.value),
    beta: chunked(parts.beta),
    decay: chunked(parts.decay),
  };
  const { output, state } = deltaRule(stateOfNone(x, spec, chunks), all);
  const heads = fromChunks(transpose(output, [0, 1, 4, 2, 3, 5]), chunks);
  const sizes = stateSizes(spec);
  const flat = (value: Value, size: number) => reshape(value, [-1, 1, size], ['sequences', 1, size]);
  return {
    output: gatedOutput(viewAs(heads, [valueHeads, valueDim]), z, spec, epsilon),
    states: {
      state: flat(state, sizes.state),
      tail: flat(tailsOf(qkv, chunks), sizes.tail),
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
  const [channels, , window] = spec.convolution.shape as [number, number, number];
  const { qkv, z, ...gates } = inputsOf(x, spec);
  const tail = viewAs(before.tail, [window - 1, channels]);
  const mixed = convolvedStep(qkv, weightFor(x, spec.convolution), tail);
  const parts = partsOf(mixed.output, spec, gates);
  // [B, keyHeads, group, dim] to [B, keyHeads, group, 1, dim]
  const one = (part: Value) => unsqueeze(part, 3);
  const state = viewAs(before.state, [keyHeads, valueHeads / keyHeads, keyDim, valueDim]);
  const after = deltaRuleStep(state, {
    query: one(parts.query),
    key: one(parts.key),
    value: one(parts.value),
    beta: one(parts.beta),
    decay: one(parts.decay),
  });
  const sizes = stateSizes(spec);
  return {
    output: gatedOutput(viewAs(after.output, [valueHeads, valueDim]), z, spec, epsilon),
    states: { state: viewAs(after.state, [1, sizes.state]), tail: viewAs(mixed.tail, [1, sizes.tail]) },
  };
}

interface DeltaInputs {
  /** [T, channels] */
  readonly qkv: Value;
  /** [T, valueHeads * valueDim] */
  readonly z: Value;
  /** [T, valueHeads] each; with a decay for each channel a is [T, keyHeads * keyDim]. */
  readonly b: Value;
  readonly a: Value;
}

function inputsOf(x: Value, { input, keyHeads, valueHeads, keyDim, valueDim }: GatedDeltaRule): DeltaInputs {
  if (input.layout === 'channelwise') {
    const { q, k, v, b, zDown, zUp, aDown, aUp } = input;
    const through = (down: Linear, up: Linear) => project(project(x, down), up);
    return {
      qkv: concat([project(x, q), project(x, k), project(x, v)], 1),
      z: through(zDown, zUp),
      b: project(x, b),
      a: through(aDown, aUp),
    };
  }
  if (input.layout === 'separate') {
    const { qkv, z, b, a } = input;
    return { qkv: project(x, qkv), z: project(x, z), b: project(x, b), a: project(x, a) };
  }
  const group = valueHeads / keyHeads;
  const values = group * valueDim;
  const of = (all: Value, from: number, size: number) =>
    viewAs(slice(all, 2, from, from + size), [keyHeads * size]);
  const qkvz = viewAs(project(x, input.qkvz), [keyHeads, 2 * keyDim + 2 * values]);
  const ba = viewAs(project(x, input.ba), [keyHeads, 2 * group]);
  const starts = [0, keyDim, 2 * keyDim, 2 * keyDim + values] as const;
  return {
    qkv: concat([of(qkvz, starts[0], keyDim), of(qkvz, starts[1], keyDim), of(qkvz, starts[2], values)], 1),
    z: of(qkvz, starts[3], values),
    b: of(ba, 0, group),
    a: of(ba, group, group),
  };
}

/** The inputs by token, [T, keyHeads, group or 1, dim], from convolved queries, keys and values. */
function partsOf(mixed: Value, spec: GatedDeltaRule, { b, a }: Pick<DeltaInputs, 'a' | 'b'>): DeltaParts {
  const { keyHeads, valueHeads, keyDim, valueDim } = spec;
  const group = valueHeads / keyHeads;
  const width = keyHeads * keyDim;
  const unit = (from: number) =>
    ofLengthOne(viewAs(slice(mixed, 1, from, from + width), [keyHeads, 1, keyDim]));
  // One for each value head, or for each channel of the keys of a head.
  const decays = Number(a.shape[1]) / valueHeads;
  const slopes = reshape(weightFor(a, spec.decay), [keyHeads, group, 1]);
  const shifted = viewAs(softplus(add(a, weightFor(a, spec.decayBias))), [keyHeads, group, decays]);
  return {
    query: timesNumber(unit(0), keyDim ** -0.5),
    key: unit(width),
    value: viewAs(slice(mixed, 1, 2 * width, Number(mixed.shape[1])), [keyHeads, group, valueDim]),
    beta: viewAs(sigmoid(b), [keyHeads, group, 1]),
    decay: neg(mul(exp(slopes), shifted)),
  };
}

/** x [.., n], each row divided by its length. */
const ofLengthOne = (x: Value): Value =>
  mul(x, reciprocal(sqrt(plusNumber(reduceSum(square(x), [-1], true), lengthEpsilon))));

/** log(1 + exp x) */
function softplus(x: Value): Value {
  const own = unsqueeze(x, 2);
  return reduceLogSumExp(concat([own, zerosLike(own)], 2), [2]);
}

/** heads [T, valueHeads, valueDim], normed and gated by z, back to H. */
function gatedOutput(heads: Value, z: Value, spec: GatedDeltaRule, epsilon: number): Value {
  const { valueHeads, valueDim } = spec;
  const normed = rmsNorm(heads, weightFor(heads, spec.norm), epsilon);
  const gate = viewAs(z, [valueHeads, valueDim]);
  const gated = mul(normed, spec.input.layout === 'channelwise' ? sigmoid(gate) : silu(gate));
  return project(viewAs(gated, [valueHeads * valueDim]), spec.o);
}

/** Zeros [B, keyHeads, group, keyDim, valueDim]. */
function stateOfNone(x: Value, spec: GatedDeltaRule, { sizes }: ChunkInputs): Value {
  const { keyHeads, valueHeads, keyDim, valueDim } = spec;
  const own = [keyHeads, valueHeads / keyHeads, keyDim, valueDim];
  const all = concat([slice(sizes, 0, 1, 2), x.graph.constant(own, [own.length], 'int64')], 0);
  return zerosOf(all, ['sequences', ...own], x.dtype);
}
