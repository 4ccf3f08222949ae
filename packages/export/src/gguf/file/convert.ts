import { type FloatType, ggmlTypes, hasNonFiniteBytes, type Reading, toFloat32 } from '@moepress/checkpoint';
import { byteLength, type DType, describe, MoepressError } from '@moepress/core';
import { quantisers, type WrittenType } from '../quantise/quantise.js';
import type { ValueMap } from './gguf-tensor.js';
import type { Stretch } from './stretches.js';

const floatTypes: readonly DType[] = ['F32', 'F16', 'BF16'];

/**
 * The bytes of a stretch in the type of its tensor. Throws `TENSOR_DTYPE` for tensors of other types than F32, F16 and BF16,
 * `WEIGHTS_NOT_FINITE` for NaN and infinity and for what is too large for halves, and what reading throws.
 */
export async function convertStretch(
  { tensor, of, begin, end, importance }: Stretch,
  reading: Reading,
): Promise<Uint8Array<ArrayBuffer>> {
  const { dtype } = of;
  if (!isFloat(dtype)) {
    throw new MoepressError('TENSOR_DTYPE', {
      message: `${dtype} is not one of F32, F16 and BF16.`,
      where: describe(of),
    });
  }
  return reading.buffers.lend(byteLength(dtype, [end - begin]), async (source) => {
    await reading.read(of, begin, end, source);
    if (hasNonFiniteBytes(source, dtype)) {
      throw new MoepressError('WEIGHTS_NOT_FINITE', {
        message: 'There is NaN or infinity among the weights.',
        where: describe(of),
      });
    }
    if (sameBytes[tensor.type] === dtype && tensor.map === undefined) return source.slice();
    const values = mapped(toFloat32(source, dtype), tensor.map);
    return convertValues(values, tensor.type, { where: () => describe(of), importance });
  });
}

/** Types that a tensor's bytes need not be changed for. */
const sameBytes: Partial<Record<WrittenType, FloatType>> = { f32: 'F32', f16: 'F16', bf16: 'BF16' };

const isFloat = (dtype: DType): dtype is FloatType => floatTypes.includes(dtype);

/** Values, whole blocks of them, in another type. Throws `WEIGHTS_NOT_FINITE` for what is too large for its halves. */
export function convertValues(
  values: Float32Array<ArrayBuffer>,
  type: WrittenType,
  { where, importance }: { readonly where: () => string; readonly importance?: Float32Array | undefined },
): Uint8Array<ArrayBuffer> {
  const { block, bytes } = ggmlTypes[type];
  const target = new Uint8Array((values.length / block) * bytes);
  quantisers[type](values, target, importance);
  if (type === 'f16' && hasNonFiniteBytes(target, 'F16')) {
    throw new MoepressError('WEIGHTS_NOT_FINITE', {
      message: 'A weight is larger than 65504, the most that f16 can hold.',
      where: where(),
      hint: 'Choose the `type` bf16, which holds larger numbers.',
    });
  }
  return target;
}

function mapped(values: Float32Array<ArrayBuffer>, map: ValueMap | undefined): Float32Array<ArrayBuffer> {
  if (map === undefined) return values;
  return values.map(map === 'plus-one' ? (x) => x + 1 : (x) => -Math.exp(x));
}
