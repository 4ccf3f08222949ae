import type { DType } from '../tensor/dtype.js';
import { type TensorExpr, zeros } from '../tensor/expr.js';
import type { Mlp } from './model.js';

/** How the tensors of an MLP are transformed when its channels change. */
export interface MlpMapping {
  /** Transforms gate and up [I, H] and their biases [I], whose first axis is that of the channels. */
  rows(tensor: TensorExpr): TensorExpr;
  /** Transforms down [H, I], whose second axis is that of the channels. */
  cols(tensor: TensorExpr): TensorExpr;
}

/** An MLP with `width` transformed channels; the bias of its output is unchanged. */
export function mapMlp<M extends Mlp>(
  mlp: M,
  width: number,
  { rows, cols }: MlpMapping,
): Omit<M, 'kept'> & Mlp {
  const { kept: _, ...others } = mlp;
  const { gate, up, down, bias } = mlp;
  return {
    ...others,
    width,
    gate: gate && rows(gate),
    up: rows(up),
    down: cols(down),
    bias: bias && { gate: bias.gate && rows(bias.gate), up: rows(bias.up), down: bias.down },
  };
}

/** How the corresponding tensors of several MLPs are combined, in the order of the MLPs. */
export interface MlpCombination {
  /** Combines gate and up [I, H] and their biases [I]. */
  rows(tensors: readonly TensorExpr[]): TensorExpr;
  /** Combines down [H, I]. */
  cols(tensors: readonly TensorExpr[]): TensorExpr;
  /** Combines the biases of the outputs [H]. */
  outputBias(tensors: readonly TensorExpr[]): TensorExpr;
}

/** One MLP made of several, with the activation of the first; either all have biases, and gates, or none has. */
export function combineMlps(
  mlps: readonly Mlp[],
  width: number,
  { rows, cols, outputBias }: MlpCombination,
): Mlp {
  const [{ gate, bias, activation }] = mlps as readonly [Mlp];
  return {
    width,
    gate: gate && rows(mlps.map((mlp) => mlp.gate!)),
    up: rows(mlps.map((mlp) => mlp.up)),
    down: cols(mlps.map((mlp) => mlp.down)),
    bias: bias && {
      gate: gate && rows(mlps.map((mlp) => mlp.bias!.gate!)),
      up: rows(mlps.map((mlp) => mlp.bias!.up)),
      down: outputBias(mlps.map((mlp) => mlp.bias!.down)),
    },
    activation,
  };
}

/** An equivalent MLP with biases: those it has, else zeros of the given type. */
export function withBias(mlp: Mlp, dtype: DType): Mlp {
  if (mlp.bias) return mlp;
  const of = (size: number) => zeros(dtype, [size]);
  return {
    ...mlp,
    bias: { gate: mlp.gate && of(mlp.width), up: of(mlp.width), down: of(mlp.down.shape[0]!) },
  };
}
