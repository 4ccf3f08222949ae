import { type Mlp, type TensorExpr, zeros } from '@moepress/core';
import { mlp } from '../architectures/common.js';
import { biasName, type ExpertNames, type MlpNames } from '../architectures/manifest.js';
import type { Parts } from './build-context.js';
import type { Place } from './tensor-source.js';

/** Names of an MLP that has a width of its own, in every family. */
export interface RaggedNames {
  readonly weights: MlpNames;
  readonly biases: MlpNames | null;
}

/**
 * Experts of different widths do not fit into one tensor, so that each has tensors of its own also where
 * the family knows only fused ones.
 */
export function raggedNames({ separate, fused }: ExpertNames): RaggedNames {
  return ownWidthNames(separate ?? mlp(fused.down.replace('down_proj', '{expert}')), fused.bias !== null);
}

/** The same for the dense FFN that experts became. */
export function ownWidthNames(weights: MlpNames, biased: boolean): RaggedNames {
  const { gate, up, down } = weights;
  const biases = { gate: biasName(gate), up: biasName(up), down: biasName(down) };
  return { weights, biases: biased ? biases : null };
}

/** Expert number `expert` of those stored under a layer. */
export function takeRagged(
  at: { readonly layer: number; readonly expert: number },
  width: number,
  parts: Parts,
): Mlp {
  return takeOwnWidth(raggedNames(parts.manifest.tensors.experts), width, at, parts);
}

/** One without channels has no weights stored, but may have a bias. */
export function takeOwnWidth(
  { weights, biases }: RaggedNames,
  width: number,
  at: Place,
  { config, tensors }: Parts,
): Mlp {
  const { hiddenSize, dtype } = config.decoder;
  const none = (shape: readonly number[]): TensorExpr | null => (width === 0 ? zeros(dtype, shape) : null);
  const matrix = (name: string, shape: readonly [number, number]) =>
    none(shape) ?? tensors.matrix(name, shape, at);
  const vector = (name: string) => none([width]) ?? tensors.take(name, [width], at);
  return {
    width,
    gate: matrix(weights.gate, [width, hiddenSize]),
    up: matrix(weights.up, [width, hiddenSize]),
    down: matrix(weights.down, [hiddenSize, width]),
    bias: biases && {
      gate: vector(biases.gate),
      up: vector(biases.up),
      down: tensors.take(biases.down, [hiddenSize], at),
    },
    activation: config.ffn.activation,
  };
}
