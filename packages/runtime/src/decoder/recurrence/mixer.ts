import type { Recurrence, Value } from '@moepress/core';
import { chunkLength } from '../../tokens/chunk-layout.js';
import {
  type DeltaOptions,
  deltaChunkLength,
  deltaSizes,
  gatedDeltaRule,
  gatedDeltaRuleStep,
} from '../delta-rule/gated-delta-rule.js';
import { shortConvolution, shortConvolutionStep, shortSizes } from './short-convolution.js';
import { spaceSizes, stateSpace, stateSpaceStep } from './state-space.js';

/** What a recurrence keeps of a sequence: its state, and the inputs of its convolution that the next tokens see. */
export const stateParts = ['state', 'tail'] as const;
export type StatePart = (typeof stateParts)[number];

/** What stays of the tokens of each of B sequences, [B, 1, size]; a part that a recurrence lacks is absent. */
export type MixerStates = Readonly<Partial<Record<StatePart, Value>>>;

/** How many numbers each part has. */
export type StateSizes = Readonly<Partial<Record<StatePart, number>>>;

interface Mixed {
  readonly output: Value;
  readonly states: MixerStates;
}

/** Tokens that the convolution of a recurrence sees, the newest included. */
export function windowOf(spec: Recurrence): number {
  const { convolution } = spec;
  return ('weight' in convolution ? convolution.weight : convolution).shape[2]!;
}

/** Tokens of a sequence that are computed together. */
export const chunkLengthOf = (spec: Recurrence): number =>
  spec.kind === 'gated-delta-rule' ? deltaChunkLength(spec) : chunkLength;

/** How many numbers stay of a sequence. */
export function stateSizes(spec: Recurrence): StateSizes {
  switch (spec.kind) {
    case 'gated-delta-rule':
      return deltaSizes(spec);
    case 'short-convolution':
      return shortSizes(spec);
    case 'state-space':
      return spaceSizes(spec);
  }
}

/** The parts that a recurrence keeps. */
export const statePartsOf = (spec: Recurrence): readonly StatePart[] => {
  const sizes = stateSizes(spec);
  return stateParts.filter((part) => sizes[part]);
};

/** x [T, H] to [T, H], in operators that have derivatives and a double precision. All sequences begin in this run. */
export function mixed(x: Value, spec: Recurrence, options: DeltaOptions): Mixed {
  switch (spec.kind) {
    case 'gated-delta-rule':
      return gatedDeltaRule(x, spec, options);
    case 'short-convolution':
      return shortConvolution(x, spec, options.chunks);
    case 'state-space':
      return stateSpace(x, spec, options);
  }
}

/** One more token x [B, H] of each sequence. */
export function mixedStep(
  x: Value,
  spec: Recurrence,
  options: { readonly before: MixerStates; readonly epsilon: number },
): Mixed {
  const { before } = options;
  switch (spec.kind) {
    case 'gated-delta-rule':
      return gatedDeltaRuleStep(x, spec, {
        ...options,
        before: { state: before.state!, tail: before.tail! },
      });
    case 'short-convolution':
      return shortConvolutionStep(x, spec, before.tail);
    case 'state-space':
      return stateSpaceStep(x, spec, { ...options, before: { state: before.state!, tail: before.tail } });
  }
}
