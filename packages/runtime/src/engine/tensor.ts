import type { TensorArray, TensorData, TensorType } from './protocol.js';

export function tensor(dtype: TensorType, dims: readonly number[], data: TensorArray): TensorData {
  return { dtype, dims, data };
}

/** An int32 vector. */
export function int32(data: readonly number[] | Int32Array): TensorData {
  return tensor('int32', [data.length], Int32Array.from(data));
}
