import { bytesOf, fromFloat32, isFloatType, toFloat32 } from '@moepress/checkpoint';
import { describe, elementCount, MoepressError, type TensorExpr } from '@moepress/core';
import type { CarriedTensor, QuantisedForm } from '@moepress/graph';
import { quantiseBlocks } from './quantise-blocks.js';

/** Scales of tensors whose numbers have been written, and whose scales have not. */
export type PendingScales = Map<TensorExpr, Float32Array>;

/** Throws `TENSOR_DTYPE` for a tensor that holds no numbers to compute with. */
export function checkEncodable({ expr }: CarriedTensor): void {
  if (isFloatType(expr.dtype)) return;
  throw new MoepressError('TENSOR_DTYPE', {
    message: `${expr.dtype} is not one of F32, F16 and BF16.`,
    where: describe(expr),
  });
}

/**
 * The bytes of a tensor as a graph takes it, block by block: memory does not grow with the tensor but for the scales of one. Throws
 * `TENSOR_DTYPE` for a number that fp16 cannot hold, `WEIGHTS_NOT_FINITE` for one to be quantised, and what reading throws.
 */
export async function* encodeTensor(
  { expr, form }: CarriedTensor,
  pending: PendingScales,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (typeof form === 'object') {
    yield* form.part === 'numbers' ? quantised(expr, form, pending) : [scalesOf(expr, pending)];
    return;
  }
  for await (const values of valuesOf(expr)) {
    const bytes = fromFloat32(values, form === 'float32' ? 'F32' : 'F16');
    if (form === 'float16') checkRange(values, bytes, expr);
    yield bytes;
  }
}

async function* quantised(
  expr: TensorExpr,
  form: QuantisedForm,
  pending: PendingScales,
): AsyncGenerator<Uint8Array, void, undefined> {
  const [rows, width] = expr.shape as [number, number];
  const scales = new Float32Array(rows * Math.ceil(width / form.block));
  let done = 0;
  for await (const values of rowsOf(expr, width)) {
    const part = quantiseBlocks(values, width, form);
    if (part.scales.some(Number.isNaN)) throw notFinite(expr);
    scales.set(part.scales, done);
    done += part.scales.length;
    yield part.numbers;
  }
  pending.set(expr, scales);
}

const notFinite = (expr: TensorExpr): MoepressError =>
  new MoepressError('WEIGHTS_NOT_FINITE', {
    message: 'A tensor with NaN or infinity cannot be quantised.',
    where: describe(expr),
  });

function scalesOf(expr: TensorExpr, pending: PendingScales): Uint8Array {
  const scales = pending.get(expr)!;
  pending.delete(expr);
  return new Uint8Array(scales.buffer);
}

async function* valuesOf(expr: TensorExpr): AsyncGenerator<Float32Array<ArrayBuffer>, void, undefined> {
  const { dtype } = expr;
  if (!isFloatType(dtype)) return checkEncodable({ expr, form: 'float32', bytes: 0 });
  for await (const block of bytesOf(expr)) yield toFloat32(block, dtype);
}

/** Values of whole rows, wherever the blocks end in which they are read. */
async function* rowsOf(
  expr: TensorExpr,
  width: number,
): AsyncGenerator<Float32Array<ArrayBuffer>, void, undefined> {
  let rest = new Float32Array(0);
  for await (const values of valuesOf(expr)) {
    const all = new Float32Array(rest.length + values.length);
    all.set(rest);
    all.set(values, rest.length);
    const whole = all.length - (all.length % width);
    rest = all.slice(whole);
    if (whole > 0) yield all.subarray(0, whole);
  }
}

/** Infinity has all bits of the exponent and none of the fraction. */
const infinity = 0x7c00;

function checkRange(
  values: Float32Array,
  { buffer, byteOffset }: Uint8Array<ArrayBuffer>,
  expr: TensorExpr,
): void {
  const halves = new Uint16Array(buffer, byteOffset, values.length);
  const lost = halves.findIndex((half, i) => (half & 0x7fff) === infinity && Number.isFinite(values[i]));
  if (lost < 0) return;
  throw new MoepressError('TENSOR_DTYPE', {
    message: `${values[lost]} is beyond what fp16 can hold, among the ${elementCount(expr.shape)} numbers of a tensor.`,
    where: describe(expr),
    hint: 'Export it as fp32, or as q4 if it is the weight of a product.',
  });
}
