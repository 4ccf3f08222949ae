import type { StateSpace, Value } from '@moepress/core';
import {
  add,
  clip,
  concat,
  exp,
  mul,
  neg,
  plusNumber,
  reciprocal,
  reduceMean,
  reshape,
  rmsNorm,
  silu,
  slice,
  sqrt,
  square,
  transpose,
  unsqueeze,
  zerosOf,
} from '@moepress/graph';
import { activated, softplus } from '../activation.js';
import { project, viewAs } from '../attention/projections.js';
import { type ChunkInputs, fromChunks, toChunks } from '../delta-rule/chunks.js';
import { weightFor } from '../weights.js';
import { depthwise, depthwiseStep, tailsOf } from './convolution.js';
import { type ScanParts, scan, scanStep } from './scan.js';

interface Scanned {
  readonly output: Value;
  /** The state [B, 1, heads * stateDim * headDim], and the last inputs of the convolution where it sees more than one. */
  readonly states: { readonly state: Value; readonly tail?: Value };
}

/** How many numbers stay of a sequence. */
export function spaceSizes({ heads, headDim, stateDim, convolution }: StateSpace): {
  readonly state: number;
  readonly tail: number;
} {
  const [channels, , window] = convolution.weight.shape as [number, number, number];
  return { state: heads * stateDim * headDim, tail: (window - 1) * channels };
}

/** x [T, H] to [T, H]. All sequences begin in this run. */
export function stateSpace(
  x: Value,
  spec: StateSpace,
  { chunks, epsilon }: { readonly chunks: ChunkInputs; readonly epsilon: number },
): Scanned {
  const { z, inputs, steps } = inputsOf(x, spec);
  const mixed = activated(depthwise(inputs, spec.convolution, chunks), spec.activation);
  const { parts, skipped } = partsOf(mixed, steps, spec);
  // [G, B, C, groups, heads of a group, dim] to [G, B, groups, heads of a group, C, dim]
  const chunked = (part: Value) => transpose(toChunks(part, chunks), [0, 1, 3, 4, 2, 5]);
  const all: ScanParts = {
    query: chunked(parts.query),
    key: chunked(parts.key),
    value: chunked(parts.value),
    decay: chunked(parts.decay),
  };
  const { output, state } = scan(stateOfNone(x, spec, chunks), all);
  const heads = viewAs(fromChunks(transpose(output, [0, 1, 4, 2, 3, 5]), chunks), [widthOf(spec)]);
  const sizes = spaceSizes(spec);
  const flat = (value: Value, size: number) => reshape(value, [-1, 1, size], ['sequences', 1, size]);
  return {
    output: gatedOutput(add(heads, skipped), z, spec, epsilon),
    states: {
      state: flat(state, sizes.state),
      ...(sizes.tail > 0 && { tail: flat(tailsOf(inputs, chunks), sizes.tail) }),
    },
  };
}

/** One more token x [B, H] of each sequence. */
export function stateSpaceStep(
  x: Value,
  spec: StateSpace,
  {
    before,
    epsilon,
  }: {
    readonly before: { readonly state: Value; readonly tail: Value | undefined };
    readonly epsilon: number;
  },
): Scanned {
  const { heads, headDim, groups, stateDim } = spec;
  const [channels, , window] = spec.convolution.weight.shape as [number, number, number];
  const { z, inputs, steps } = inputsOf(x, spec);
  const next = depthwiseStep(
    inputs,
    spec.convolution,
    before.tail && viewAs(before.tail, [window - 1, channels]),
  );
  const { parts, skipped } = partsOf(activated(next.output, spec.activation), steps, spec);
  // [B, groups, heads of a group, dim] to [B, groups, heads of a group, 1, dim]
  const one = (part: Value) => unsqueeze(part, 3);
  const after = scanStep(viewAs(before.state, [groups, heads / groups, stateDim, headDim]), {
    query: one(parts.query),
    key: one(parts.key),
    value: one(parts.value),
    decay: one(parts.decay),
  });
  const sizes = spaceSizes(spec);
  return {
    output: gatedOutput(add(viewAs(after.output, [widthOf(spec)]), skipped), z, spec, epsilon),
    states: {
      state: viewAs(after.state, [1, sizes.state]),
      ...(next.tail && { tail: viewAs(next.tail, [1, sizes.tail]) }),
    },
  };
}

const widthOf = ({ heads, headDim }: StateSpace): number => heads * headDim;

/** z [T, heads * headDim], what the convolution takes [T, channels], and the steps [T, heads] as they are projected. */
function inputsOf(x: Value, spec: StateSpace): Readonly<Record<'z' | 'inputs' | 'steps', Value>> {
  const all = project(x, spec.input);
  const [width, channels] = [widthOf(spec), spec.convolution.weight.shape[0]!];
  return {
    z: slice(all, 1, 0, width),
    inputs: slice(all, 1, width, width + channels),
    steps: slice(all, 1, width + channels, width + channels + spec.heads),
  };
}

/** What the scan takes of each token, [T, groups, heads of a group or 1, dim], and what passes it by, [T, heads * headDim]. */
function partsOf(
  mixed: Value,
  steps: Value,
  spec: StateSpace,
): { readonly parts: ScanParts; readonly skipped: Value } {
  const { heads, headDim, groups, stateDim, step } = spec;
  const [width, shared] = [widthOf(spec), groups * stateDim];
  const raw = softplus(add(steps, weightFor(steps, step.bias)));
  const clamped = step.least > 0 || step.most !== null;
  const size = clamped ? clip(raw, step.least, step.most ?? beyondSteps) : raw;
  const x = viewAs(slice(mixed, 1, 0, width), [heads, headDim]);
  const scaled = mul(x, unsqueeze(size, 2));
  const decay = neg(mul(exp(weightFor(size, spec.decay)), size));
  const part = (from: number) => viewAs(slice(mixed, 1, from, from + shared), [groups, 1, stateDim]);
  return {
    parts: {
      key: part(width),
      query: part(width + shared),
      value: viewAs(scaled, [groups, heads / groups, headDim]),
      decay: viewAs(decay, [groups, heads / groups, 1]),
    },
    skipped: viewAs(mul(x, unsqueeze(weightFor(x, spec.skip), 1)), [width]),
  };
}

/** No step is as large. */
const beyondSteps = 1e30;

/** y [T, heads * headDim], gated by z and normed, back to H. */
function gatedOutput(y: Value, z: Value, spec: StateSpace, epsilon: number): Value {
  const { weight, groups } = spec.norm;
  const gated = mul(y, silu(z));
  const own = weightFor(y, weight);
  if (groups === 1) return project(rmsNorm(gated, own, epsilon), spec.o);
  const parts = viewAs(gated, [groups, widthOf(spec) / groups]);
  const size = sqrt(plusNumber(reduceMean(square(parts), [2], true), epsilon));
  const normed = viewAs(mul(parts, reciprocal(size)), [widthOf(spec)]);
  return project(mul(normed, own), spec.o);
}

/** Zeros [B, groups, heads of a group, stateDim, headDim]. */
function stateOfNone(x: Value, spec: StateSpace, { sizes }: ChunkInputs): Value {
  const { heads, headDim, groups, stateDim } = spec;
  const own = [groups, heads / groups, stateDim, headDim];
  const all = concat([slice(sizes, 0, 1, 2), x.graph.constant(own, [own.length], 'int64')], 0);
  return zerosOf(all, ['sequences', ...own], x.dtype);
}
