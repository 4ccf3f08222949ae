import type { DType } from '../tensor/dtype.js';
import { type TensorExpr, zeros } from '../tensor/expr.js';
import type { Mlp } from './model.js';

/** What becomes of the tensors of an MLP where its channels change. */
export interface MlpMapping {
  /** For gate and up [I, H] and their biases [I], whose first axis are the channels. */
  rows(tensor: TensorExpr): TensorExpr;
  /** For down [H, I], whose second axis are the channels. */
  cols(tensor: TensorExpr): TensorExpr;
}

/** An MLP with `width` other channels; the bias of its output stays. */
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
    gate: rows(gate),
    up: rows(up),
    down: cols(down),
    bias: bias && { gate: rows(bias.gate), up: rows(bias.up), down: bias.down },
  };
}

/** What becomes of tensors of one place in several MLPs, in the order of these. */
export interface MlpCombination {
  /** For gate and up [I, H] and their biases [I]. */
  rows(tensors: readonly TensorExpr[]): TensorExpr;
  /** For down [H, I]. */
  cols(tensors: readonly TensorExpr[]): TensorExpr;
  /** For the biases of the outputs [H]. */
  outputBias(tensors: readonly TensorExpr[]): TensorExpr;
}

/** One MLP of several with the activation of the first; either all have biases or none has. */
export function combineMlps(
  mlps: readonly Mlp[],
  width: number,
  { rows, cols, outputBias }: MlpCombination,
): Mlp {
  const [{ bias, activation }] = mlps as readonly [Mlp];
  return {
    width,
    gate: rows(mlps.map((mlp) => mlp.gate)),
    up: rows(mlps.map((mlp) => mlp.up)),
    down: cols(mlps.map((mlp) => mlp.down)),
    bias: bias && {
      gate: rows(mlps.map((mlp) => mlp.bias!.gate)),
      up: rows(mlps.map((mlp) => mlp.bias!.up)),
      down: outputBias(mlps.map((mlp) => mlp.bias!.down)),
    },
    activation,
  };
}

/** The same function with biases: zeros of the type unless it has some. */
export function withBias(mlp: Mlp, dtype: DType): Mlp {
  if (mlp.bias) return mlp;
  const of = (size: number) => zeros(dtype, [size]);
  return { ...mlp, bias: { gate: of(mlp.width), up: of(mlp.width), down: of(mlp.down.shape[0]!) } };
}
