import { type Mlp, zeros } from '@moepress/core';
import { biasName, type MlpNames, type Place } from '../architectures/manifest.js';
import type { BuildContext } from './build-context.js';
import { type NamedTensor, single } from './named-tensor.js';

const projections = ['gate', 'up', 'down'] as const;

/** How an MLP with tensors of its own is stored. */
export interface StoredMlp {
  readonly width: number;
  readonly at: Place;
  /** Whether each projection has a bias. */
  readonly biased: boolean;
}

/** An MLP with tensors of its own. Throws what `TensorSource.take` throws. */
export function takeMlp(
  names: MlpNames,
  { width, at, biased }: StoredMlp,
  { config, tensors }: BuildContext,
): Mlp {
  const { hiddenSize } = config.decoder;
  return {
    width,
    gate: tensors.matrix(names.gate, [width, hiddenSize], at),
    up: tensors.matrix(names.up, [width, hiddenSize], at),
    down: tensors.matrix(names.down, [hiddenSize, width], at),
    bias: biased
      ? {
          gate: tensors.take(biasName(names.gate), [width], at),
          up: tensors.take(biasName(names.up), [width], at),
          down: tensors.take(biasName(names.down), [hiddenSize], at),
        }
      : null,
    activation: config.ffn.activation,
  };
}

/** What `takeMlp` takes, under the names it takes it by. */
export function nameMlp(names: MlpNames, mlp: Mlp, at: Place): NamedTensor[] {
  const { bias } = mlp;
  return [
    ...projections.map((part) => single(names[part], mlp[part], at)),
    ...(bias ? projections.map((part) => single(biasName(names[part]), bias[part], at)) : []),
  ];
}

/** The same of an MLP that may have no channels: then only the bias of its output is stored. */
export function takeOwnWidth(names: MlpNames, stored: StoredMlp, context: BuildContext): Mlp {
  const { width, at, biased } = stored;
  if (width > 0) return takeMlp(names, stored, context);
  const { config, tensors } = context;
  const { hiddenSize, dtype } = config.decoder;
  const none = (...shape: number[]) => zeros(dtype, shape);
  return {
    width,
    gate: none(0, hiddenSize),
    up: none(0, hiddenSize),
    down: none(hiddenSize, 0),
    bias: biased
      ? { gate: none(0), up: none(0), down: tensors.take(biasName(names.down), [hiddenSize], at) }
      : null,
    activation: config.ffn.activation,
  };
}

/** What `takeOwnWidth` takes, under the names it takes it by. */
export function nameOwnWidth(names: MlpNames, mlp: Mlp, at: Place): NamedTensor[] {
  if (mlp.width > 0) return nameMlp(names, mlp, at);
  return mlp.bias ? [single(biasName(names.down), mlp.bias.down, at)] : [];
}
