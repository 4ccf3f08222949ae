import type { ShortConvolution, Value } from '@moepress/core';
import { mul, reshape, slice } from '@moepress/graph';
import { project, viewAs } from '../attention/projections.js';
import type { ChunkInputs } from '../delta-rule/chunks.js';
import { depthwise, depthwiseStep, tailsOf } from './convolution.js';

interface Convolved {
  readonly output: Value;
  /** The last `window - 1` inputs of the convolution, [B, 1, (window - 1) * H]; none where the window is one token. */
  readonly states: { readonly tail?: Value };
}

/** How many numbers stay of a sequence. */
export function shortSizes({ convolution }: ShortConvolution): { readonly tail: number } {
  const [channels, , window] = convolution.weight.shape as [number, number, number];
  return { tail: (window - 1) * channels };
}

/** x [T, H] to [T, H]. All sequences begin in this run. */
export function shortConvolution(x: Value, spec: ShortConvolution, chunks: ChunkInputs): Convolved {
  const { before, after } = gatesOf(x, spec);
  const output = project(mul(after, depthwise(before, spec.convolution, chunks)), spec.o);
  const size = shortSizes(spec).tail;
  if (size === 0) return { output, states: {} };
  return {
    output,
    states: { tail: reshape(tailsOf(before, chunks), [-1, 1, size], ['sequences', 1, size]) },
  };
}

/** One more token x [B, H] of each sequence. */
export function shortConvolutionStep(x: Value, spec: ShortConvolution, tail: Value | undefined): Convolved {
  const { before, after } = gatesOf(x, spec);
  const [channels, , window] = spec.convolution.weight.shape as [number, number, number];
  const seen = tail && viewAs(tail, [window - 1, channels]);
  const next = depthwiseStep(before, spec.convolution, seen);
  const output = project(mul(after, next.output), spec.o);
  return {
    output,
    states: next.tail ? { tail: viewAs(next.tail, [1, shortSizes(spec).tail]) } : {},
  };
}

/** What goes into the convolution, and the gate behind it, [T, H] each. */
function gatesOf(x: Value, { input }: ShortConvolution): { readonly before: Value; readonly after: Value } {
  const width = input.weight.shape[0]! / 3;
  const all = project(x, input);
  const part = (at: number) => slice(all, 1, at * width, (at + 1) * width);
  return { before: mul(part(0), part(2)), after: part(1) };
}
