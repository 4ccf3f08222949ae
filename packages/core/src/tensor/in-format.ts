import { type BlockScaledExpr, cols, concat, rows, type TensorExpr, type ZerosExpr, zeros } from './expr.js';
import { blockScaled, blockSize } from './quantised.js';

/** A block-scaled matrix, or the transposed one that is stored. */
export interface InFormat {
  readonly of: BlockScaledExpr;
  readonly transposed: boolean;
}

/**
 * Rows, columns and concatenations of block-scaled matrices as block-scaled matrices, with the very codes and scales that
 * are stored: where the selection goes by whole blocks, and where all parts have blocks of one kind. Null where values
 * would have to be quantised anew.
 */
export function inFormat(expr: TensorExpr): InFormat | null {
  switch (expr.kind) {
    case 'block-scaled':
      return { of: expr, transposed: false };
    case 'transpose': {
      const of = inFormat(expr.of);
      return of && { of: of.of, transposed: !of.transposed };
    }
    case 'rows':
    case 'cols': {
      const of = inFormat(expr.of);
      if (!of) return null;
      const axis = (expr.kind === 'rows') === of.transposed ? 1 : 0;
      const cut = selected(of.of, axis, expr.indices);
      return cut && { ...of, of: cut };
    }
    case 'concat': {
      const known = expr.of.map((part) => (part.kind === 'zeros' ? part : inFormat(part)));
      const first = known.find((part): part is InFormat => part !== null && 'transposed' in part);
      const parts = known.map((part) =>
        part && 'kind' in part && first
          ? { of: zerosLike(first, part), transposed: first.transposed }
          : (part as InFormat | null),
      );
      if (!first || !parts.every((part) => part?.transposed === first.transposed)) return null;
      const axis = first.transposed ? ((1 - expr.axis) as 0 | 1) : expr.axis;
      const joined = joinedParts(
        parts.map((part) => part!.of),
        axis,
      );
      return joined && { ...first, of: joined };
    }
    default:
      return null;
  }
}

/**
 * How many neighbouring rows (axis 0) or columns (axis 1) of a quantised matrix share scales, so that they stay as they are only
 * together; 1 for what is not quantised, for scales of whole rows or columns, and where blocks are in no order (`g_idx`).
 */
export function sharedScales(expr: TensorExpr, axis: 0 | 1): number {
  const found = inFormat(expr);
  if (!found || found.of.groups) return 1;
  return found.of.block[found.transposed ? ((1 - axis) as 0 | 1) : axis] ?? 1;
}

const along = (axis: 0 | 1) => (axis === 0 ? rows : cols);

function selected(expr: BlockScaledExpr, axis: 0 | 1, indices: readonly number[]): BlockScaledExpr | null {
  const { groups } = expr;
  if (groups?.axis === axis) return null;
  const take = along(axis);
  const parts = { ...expr, of: take(expr.of, indices) };
  const block = expr.block[axis];
  // One scale for all stays one.
  if (block === null) return blockScaled(parts);
  const blocks = wholeBlocks(indices, block, expr.shape[axis]!);
  if (!blocks) return null;
  return blockScaled({
    ...parts,
    scales: take(expr.scales, blocks),
    zeros: expr.zeros && { ...expr.zeros, of: take(expr.zeros.of, blocks) },
  });
}

/** The blocks that the indices go through one after the other; null if they do not take each from its first to its last. */
function wholeBlocks(indices: readonly number[], block: number, size: number): number[] | null {
  if (block === 1) return [...indices];
  const blocks: number[] = [];
  for (let at = 0; at < indices.length; at += block) {
    const first = indices[at]!;
    const length = Math.min(block, size - first, indices.length - at);
    const isWhole = first % block === 0 && (length === block || at + length === indices.length);
    if (!isWhole || (length < block && first + length !== size)) return null;
    for (let i = 1; i < length; i++) if (indices[at + i] !== first + i) return null;
    blocks.push(first / block);
  }
  return blocks;
}

/** Zeros in the format of another matrix: their scales are zero. */
function zerosLike({ of, transposed }: InFormat, { shape }: ZerosExpr): BlockScaledExpr {
  const own = transposed ? shape.toReversed() : shape;
  const grid = own.map((n, axis) => Math.ceil(n / blockSize({ ...of, shape: own }, axis as 0 | 1)));
  return blockScaled({
    ...of,
    of: zeros(of.of.dtype, own),
    scales: zeros(of.scales.dtype, grid),
    zeros: of.zeros && { ...of.zeros, of: zeros(of.zeros.of.dtype, grid) },
    groups: null,
  });
}

function joinedParts(parts: readonly BlockScaledExpr[], axis: 0 | 1): BlockScaledExpr | null {
  const [first] = parts as [BlockScaledExpr];
  const block = first.block[axis];
  const agree = parts.every(
    (part, i) =>
      part.format === first.format &&
      part.code === first.code &&
      part.dtype === first.dtype &&
      part.block.every((n, i) => n === first.block[i]) &&
      part.zero === first.zero &&
      part.zeros?.plus === first.zeros?.plus &&
      part.scales.dtype === first.scales.dtype &&
      part.groups === null &&
      sameGlobal(part, first) &&
      (i === parts.length - 1 || (block !== null && part.shape[axis]! % block === 0)),
  );
  if (!agree) return null;
  const join = (of: (part: BlockScaledExpr) => TensorExpr) => concat(parts.map(of), axis);
  return blockScaled({
    ...first,
    of: join(({ of }) => of),
    scales: join(({ scales }) => scales),
    zeros: first.zeros && { ...first.zeros, of: join(({ zeros }) => zeros!.of) },
  });
}

/** Global scales of separate files are separate numbers, known only once they are read. */
const sameGlobal = (a: BlockScaledExpr, b: BlockScaledExpr): boolean =>
  a.global === b.global ||
  (a.global !== null &&
    b.global !== null &&
    a.global.divides === b.global.divides &&
    typeof a.global.of !== 'number' &&
    typeof b.global.of !== 'number' &&
    a.global.of.file === b.global.of.file &&
    a.global.of.offset === b.global.of.offset);
