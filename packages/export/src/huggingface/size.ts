import { findArchitecture, type NamedTensor, nameTensors, type TensorEntry } from '@moepress/checkpoint';
import { byteLength, elementCount, type Model, measure, type ParameterCounts } from '@moepress/core';
import { type Arrangement, arrange, type ExpertLayout } from './layout.js';
import type { QuantiseChoice } from './quantise-scheme.js';
import { outlineQuantised } from './quantise-weights.js';
import { type StoredWeights, storedWeights } from './quantised.js';

/** The weights of a written checkpoint, copies of experts and zeros included. */
export interface WrittenSize {
  readonly parameters: ParameterCounts;
  /** Bytes of the routed experts and of all tensors. */
  readonly bytes: { readonly routed: number; readonly whole: number };
}

/**
 * How large the weights of a view would be as they are written; nothing is read or written. Throws
 * `CONFIG_UNSUPPORTED` as `writeHuggingFace` does.
 */
export function sizeAsWritten(
  model: Model,
  layout: ExpertLayout,
  quantise?: QuantiseChoice | undefined,
): WrittenSize {
  const arrangement = arrange(model, findArchitecture(model.architecture, model.id), layout, quantise);
  const { experts, manifest } = arrangement;
  const tensors = nameTensors(arrangement.model, manifest.tensors, experts);
  const stored = quantise
    ? outlineQuantised(tensors, { choice: quantise, model, manifest })
    : storedWeights(tensors);
  return sizeOf(arrangement, tensors, stored);
}

/** The same for a model that is already arranged and named. */
export function sizeOf(
  { model, experts }: Arrangement,
  tensors: readonly NamedTensor[],
  stored: StoredWeights,
): WrittenSize {
  const { sharedExperts, denseFfns } = measure(model);
  const routed = [...experts.values()].flat();
  const bytes = (of: readonly NamedTensor[]) => byteCount(of.flatMap((tensor) => stored.entriesOf(tensor)));
  return {
    parameters: {
      ffns: parameterCount(routed) + sharedExperts.parameters + denseFfns.parameters,
      whole: parameterCount(tensors),
    },
    bytes: { routed: bytes(routed), whole: bytes(tensors) },
  };
}

/** The number of parameters; a quantised tensor counts as many as it has when dequantised. */
const parameterCount = (tensors: readonly NamedTensor[]) =>
  tensors
    .flatMap((tensor) => (tensor.kind === 'single' ? [tensor.of] : tensor.of))
    .reduce((sum, { shape }) => sum + elementCount(shape), 0);

const byteCount = (entries: readonly TensorEntry[]) =>
  entries.reduce((sum, { dtype, shape }) => sum + byteLength(dtype, shape), 0);
