import {
  holds,
  type NamedStack,
  type NamedTensor,
  stackedEntries,
  weightFormats,
} from '@moepress/checkpoint';
import type { BlockScaledExpr } from '@moepress/core';
import { quantisedBy, stackedFloats } from './quantise-scheme.js';
import { plainEntries, type StoredWeights } from './quantised.js';

/**
 * gpt-oss with its experts in MXFP4 as OpenAI publishes it: those of a layer in one tensor of codes and one of scales, all
 * else as it is. Null where widths do not go into blocks of 32, and where experts have widths of their own.
 */
export function quantisedStacks(
  tensors: readonly NamedTensor[],
): (StoredWeights & { config(carried: readonly string[]): Record<string, unknown> }) | null {
  const made = new Map<NamedTensor, readonly BlockScaledExpr[]>();
  for (const tensor of tensors.filter(isMatrices)) {
    const experts = tensor.of.map((of) => quantisedBy(stackedFloats, tensor.name, of, 0));
    if (!experts.every((of) => holds(weightFormats[stackedFloats.format], of))) return null;
    made.set(tensor, experts);
  }
  if (made.size === 0) return null;
  return {
    quantised: true,
    requantised: [],
    entriesOf: (tensor) => {
      const experts = made.get(tensor);
      return experts ? stackedEntries(tensor.name, experts) : plainEntries(tensor);
    },
    config: stackedFloats.config,
  };
}

const isMatrices = (tensor: NamedTensor): tensor is NamedStack =>
  tensor.kind === 'stack' && tensor.of[0]!.shape.length === 2;
