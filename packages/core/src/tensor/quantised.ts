import { MoepressError } from '../errors/error.js';
import { elementCount } from './dtype.js';
import {
  type BlockScaledExpr,
  cols,
  concat,
  type EncodedExpr,
  type EncodingScheme,
  invalid,
  rows,
  type StoredTensor,
  sameShape,
  type TensorExpr,
  type UnpackedExpr,
} from './expr.js';
import { type Packing, perWord } from './quantised-types.js';

/** Two E2M1 codes a byte, the lower half first. */
export const pairs: Packing = { dtype: 'U8', bits: 4, axis: 1, places: null };

/** The codes of a matrix of `shape`. Throws `PLAN_INVALID` if they do not fill the words. */
export function unpacked(of: StoredTensor, packing: Packing, shape: readonly number[]): UnpackedExpr {
  const words = shape.with(packing.axis, Math.ceil(shape[packing.axis]! / perWord(packing)));
  if (of.dtype !== packing.dtype || !sameShape(of.shape, words))
    throw invalid(`unpacked() to [${shape.join(', ')}] does not fit`, of);
  return { kind: 'unpacked', of, packing, dtype: 'U8', shape };
}

/** Codes in words again. What was unpacked the same way is taken as it is, also some rows or columns of it. */
export function packed(of: TensorExpr, packing: Packing): TensorExpr {
  if (of.kind === 'unpacked' && samePacking(of.packing, packing)) return of.of;
  const across = packing.axis === 1 ? 'rows' : 'cols';
  if (of.kind === across) return (of.kind === 'rows' ? rows : cols)(packed(of.of, packing), of.indices);
  if (of.kind === 'concat' && of.axis !== packing.axis)
    return concat(
      of.of.map((part) => packed(part, packing)),
      of.axis,
    );
  const shape = of.shape.with(packing.axis, Math.ceil(of.shape[packing.axis]! / perWord(packing)));
  return { kind: 'packed', of, packing, dtype: packing.dtype, shape };
}

const samePacking = (a: Packing, b: Packing): boolean =>
  a.dtype === b.dtype && a.bits === b.bits && a.axis === b.axis && sameShape(a.places ?? [], b.places ?? []);

/** A part of what `of` is quantised to. */
export function encoded(of: TensorExpr, scheme: EncodingScheme, part: EncodedExpr['part']): EncodedExpr {
  const grid = of.shape.map((n, axis) => Math.ceil(n / scheme.block[axis]!));
  if (part === 'scales') return { kind: 'encoded', of, scheme, part, dtype: scheme.scale, shape: grid };
  const dtype = ({ e4m3: 'F8_E4M3', i8: 'I8', e2m1: 'U8', u4: 'U8', u8: 'U8' } as const)[scheme.code];
  return { kind: 'encoded', of, scheme, part, dtype, shape: part === 'codes' ? of.shape : grid };
}

/** What a block-scaled matrix is given by; what is left out is absent. */
export type BlockScaledParts = Omit<
  BlockScaledExpr,
  'kind' | 'shape' | 'zeros' | 'zero' | 'global' | 'groups' | 'extras'
> &
  Partial<Pick<BlockScaledExpr, 'zeros' | 'zero' | 'global' | 'groups' | 'extras'>>;

/** Rows (axis 0) or columns of a block. */
export const blockSize = ({ block, shape }: Pick<BlockScaledExpr, 'block' | 'shape'>, axis: 0 | 1): number =>
  block[axis] ?? Math.max(1, shape[axis]!);

/** See `BlockScaledExpr`. Throws `PLAN_INVALID` if codes, scales and zero points do not fit each other. */
export function blockScaled(parts: BlockScaledParts): BlockScaledExpr {
  const expr: BlockScaledExpr = {
    zeros: null,
    zero: 0,
    global: null,
    groups: null,
    extras: {},
    ...parts,
    kind: 'block-scaled',
    shape: parts.of.shape,
  };
  const { of, scales, block, zeros, global, groups } = expr;
  const fits = (grid: TensorExpr) =>
    grid.shape.length === 2 &&
    grid.shape.every(
      (n, axis) => axis === groups?.axis || n === Math.ceil(of.shape[axis]! / blockSize(expr, axis as 0 | 1)),
    );
  const whole =
    of.shape.length === 2 &&
    block.every((n) => n === null || n > 0) &&
    fits(scales) &&
    (!zeros || sameShape(zeros.of.shape, scales.shape)) &&
    (!groups || sameShape(groups.of.shape, [of.shape[groups.axis]!])) &&
    (!global || typeof global.of === 'number' || elementCount(global.of.shape) === 1);
  if (whole) return expr;
  throw new MoepressError('PLAN_INVALID', {
    message: `${expr.format}: scales [${scales.shape.join(', ')}] do not fit ${expr.name} [${of.shape.join(', ')}] in blocks of ${block.map((n) => n ?? 'all').join(' x ')}.`,
    where: expr.name,
  });
}

/**
 * A matrix quantised in the format of another one, with blocks of the same size. What took a whole row or column takes one
 * here. The global scale is that of the other.
 */
export function requantised(of: TensorExpr, like: BlockScaledExpr): BlockScaledExpr {
  const block = [
    blockSize({ ...like, shape: of.shape }, 0),
    blockSize({ ...like, shape: of.shape }, 1),
  ] as const;
  const scheme: EncodingScheme = {
    code: like.code,
    block,
    scale: like.scales.dtype,
    asymmetric: like.zeros !== null && !like.zeros.fixed,
    global: like.global,
    plus: like.zeros?.plus ?? 0,
  };
  return blockScaled({
    ...like,
    of: encoded(of, scheme, 'codes'),
    scales: encoded(of, scheme, 'scales'),
    zeros: like.zeros && { ...like.zeros, of: encoded(of, scheme, 'zeros') },
    groups: null,
  });
}

/** A matrix of 4-bit floats (gpt-oss; OCP microscaling): 32 neighbours of a row share a power of two. Throws `PLAN_INVALID`. */
export function mxfp4(of: StoredTensor, scales: StoredTensor): BlockScaledExpr {
  const [height = 0, half = 0] = of.shape;
  if (of.dtype !== 'U8' || scales.dtype !== 'U8') throw invalid('mxfp4() scales do not fit', of);
  return blockScaled({
    name: of.name,
    format: 'mxfp4',
    code: 'e2m1',
    of: unpacked(of, pairs, [height, 2 * half]),
    scales,
    block: [1, 32],
    dtype: 'BF16',
  });
}

/** A matrix of 8-bit floats, of which every square shares a scale (DeepSeek-V3), see `BlockScaledExpr`. Throws `PLAN_INVALID`. */
export function fp8(of: StoredTensor, scales: StoredTensor, block: number): BlockScaledExpr {
  if (of.dtype !== 'F8_E4M3' || !['F32', 'F8_E8M0', 'BF16'].includes(scales.dtype))
    throw invalid('fp8() scales do not fit', of);
  return blockScaled({
    name: of.name,
    format: 'fp8',
    code: 'e4m3',
    of,
    scales,
    block: [block, block],
    dtype: 'BF16',
  });
}
