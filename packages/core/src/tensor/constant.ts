import type { DType } from './dtype.js';

/** Numbers that stand in a plan or follow from one, of which there are few. */
export interface ConstantExpr {
  readonly kind: 'constant';
  /** F32, F16 or BF16: what they are rounded to, once, where they are computed with or written. */
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Little-endian numbers of 32 bits in base64, row-major. */
  readonly values: string;
}

/** A vector of these numbers, in fp32 rounded to `dtype`, which is to be F32, F16 or BF16. */
export function constant(dtype: DType, numbers: readonly number[]): ConstantExpr {
  return { kind: 'constant', dtype, shape: [numbers.length], values: encodeNumbers(numbers) };
}

/** The numbers before they are rounded to its type. */
export const constantNumbers = ({ values }: ConstantExpr): Float32Array<ArrayBuffer> => decodeNumbers(values);

/** Numbers in fp32 as a plan stores them. */
export function encodeNumbers(numbers: readonly number[]): string {
  return Buffer.from(Float32Array.from(numbers).buffer).toString('base64');
}

/** What `encodeNumbers` made; as many as there are whole numbers. */
export function decodeNumbers(encoded: string): Float32Array<ArrayBuffer> {
  const bytes = Buffer.from(encoded, 'base64');
  const numbers = new Float32Array(Math.floor(bytes.length / 4));
  new Uint8Array(numbers.buffer).set(bytes.subarray(0, numbers.byteLength));
  return numbers;
}

const lowest: Partial<Record<DType, number>> = {
  F32: -(2 - 2 ** -23) * 2 ** 127,
  BF16: -(2 - 2 ** -7) * 2 ** 127,
  F16: -65504,
};

/** The lowest finite number of F32, F16 or BF16. */
export const lowestNumber = (dtype: DType): number => lowest[dtype]!;

/** Whether constants may be of a type. */
export const holdsConstants = (dtype: DType): boolean => lowest[dtype] !== undefined;
