import { type Mlp, rows, type TensorExpr, zeros } from '@moepress/core';
import { biasName, type FusedMlpNames, type MlpNames, type Place } from '../architectures/manifest.js';
import type { BuildContext } from './build-context.js';
import { fuseGateUp, gateUpRows } from './gate-up.js';
import { type NamedTensor, single } from './named-tensor.js';

const projections = ['gate', 'up', 'down'] as const;

/** The name of each projection and what it is, without those that are absent. */
const named = (names: MlpNames, of: Readonly<Record<keyof MlpNames, TensorExpr | null>>) =>
  projections.flatMap((part) => {
    const [name, tensor] = [names[part], of[part]];
    return name !== null && tensor !== null ? [[name, tensor] as const] : [];
  });

/** How an MLP with tensors of its own is stored. */
export interface StoredMlp {
  readonly width: number;
  readonly at: Place;
  /** Whether each projection has a bias. */
  readonly biased: boolean;
  /** Dimensions of what it sees and yields; by default those of the hidden states. */
  readonly space?: number | null;
}

/** An MLP with tensors of its own. Throws what `TensorSource.take` throws. */
export function takeMlp(
  names: MlpNames | FusedMlpNames,
  { width, at, biased, space }: StoredMlp,
  { config, tensors }: BuildContext,
): Mlp {
  const hiddenSize = space ?? config.decoder.hiddenSize;
  const { activation } = config.ffn;
  if ('gateUp' in names) {
    const both = tensors.matrix(names.gateUp, [2 * width, hiddenSize], at);
    const { gate, up } = gateUpRows('stacked', width);
    const down = tensors.matrix(names.down, [hiddenSize, width], at);
    return { width, gate: rows(both, gate), up: rows(both, up), down, bias: null, activation };
  }
  return {
    width,
    gate: names.gate === null ? null : tensors.matrix(names.gate, [width, hiddenSize], at),
    up: tensors.matrix(names.up, [width, hiddenSize], at),
    down: tensors.matrix(names.down, [hiddenSize, width], at),
    bias: biased
      ? {
          gate: names.gate === null ? null : tensors.take(biasName(names.gate), [width], at),
          up: tensors.take(biasName(names.up), [width], at),
          down: tensors.take(biasName(names.down), [hiddenSize], at),
        }
      : null,
    activation,
  };
}

/** What `takeMlp` takes, under the names it takes it by. */
export function nameMlp(names: MlpNames | FusedMlpNames, mlp: Mlp, at: Place): NamedTensor[] {
  const { bias } = mlp;
  if ('gateUp' in names) {
    const both = fuseGateUp('stacked', mlp);
    return [single(names.gateUp, both, at), single(names.down, mlp.down, at)];
  }
  return [
    ...named(names, mlp).map(([name, tensor]) => single(name, tensor, at)),
    ...(bias ? named(names, bias).map(([name, tensor]) => single(biasName(name), tensor, at)) : []),
  ];
}

/** The same of an MLP that may have no channels: then only the bias of its output is stored. */
export function takeOwnWidth(names: MlpNames | FusedMlpNames, stored: StoredMlp, context: BuildContext): Mlp {
  const { width, at, biased, space } = stored;
  if (width > 0) return takeMlp(names, stored, context);
  const { config, tensors } = context;
  const { dtype } = config.decoder;
  const hiddenSize = space ?? config.decoder.hiddenSize;
  const gated = !('gate' in names && names.gate === null);
  const none = (...shape: number[]) => zeros(dtype, shape);
  return {
    width,
    gate: gated ? none(0, hiddenSize) : null,
    up: none(0, hiddenSize),
    down: none(hiddenSize, 0),
    bias: biased
      ? {
          gate: gated ? none(0) : null,
          up: none(0),
          down: tensors.take(biasName(names.down), [hiddenSize], at),
        }
      : null,
    activation: config.ffn.activation,
  };
}

/** What `takeOwnWidth` takes, under the names it takes it by. */
export function nameOwnWidth(names: MlpNames | FusedMlpNames, mlp: Mlp, at: Place): NamedTensor[] {
  if (mlp.width > 0) return nameMlp(names, mlp, at);
  return mlp.bias ? [single(biasName(names.down), mlp.bias.down, at)] : [];
}
