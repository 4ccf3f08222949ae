import type { DType } from '../tensor/dtype.js';
import { zeros } from '../tensor/expr.js';
import type { Mlp } from './model.js';

/** The same function with biases: zeros of the type unless it has some. */
export function withBias(mlp: Mlp, dtype: DType): Mlp {
  if (mlp.bias) return mlp;
  const of = (size: number) => zeros(dtype, [size]);
  return { ...mlp, bias: { gate: of(mlp.width), up: of(mlp.width), down: of(mlp.down.shape[0]!) } };
}
