import {
  type BlockScaledExpr,
  blockSize,
  type Graph,
  type GraphDType,
  MoepressError,
  type StoredTensor,
  type TensorExpr,
  type Value,
} from '@moepress/core';
import { cast, div, mul, plusNumber, powerOfTwo, sub } from '../ops/math.js';
import { expand, gather, padEnd, reshape, slice, unsqueeze } from '../ops/shape.js';
import { codesIn, external } from './codes.js';

/**
 * The matrix that a `BlockScaledExpr` means, in its type, or some `rows` of it (int64), which are taken before anything is
 * converted.
 */
export function blockScaled(graph: Graph, expr: BlockScaledExpr, rows: Value | null = null): Value {
  const { of, code, dtype, shape } = expr;
  const values = codesIn(graph, of, { code, rows });
  // Rows that have blocks of their own are taken before anything is converted, others once each row has its blocks.
  const own = expr.block[0] === 1 && expr.groups?.axis !== 0;
  const [before, after] = own ? [rows, null] : [null, rows];
  const grids = [
    ...(expr.zeros
      ? [{ by: sub, of: codesIn(graph, expr.zeros.of, { code, rows: before, plus: expr.zeros.plus }) }]
      : []),
    { by: mul, of: scaleValues(graph, expr, before) },
  ];
  const steps = grids.map(({ by, of: grid }) => ({ by, of: perBlock(graph, expr, grid, after) }));
  const scaled = overBlocks(expr, values, steps);
  // Rounded like the values of a checkpoint written from the same expression.
  return cast(slice(scaled, 1, 0, shape[1]!), floatTypes[dtype as keyof typeof floatTypes]);
}

const floatTypes = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' } as const;

/** The scales in fp32, of the shape they are stored in, or some rows of them. */
function scaleValues(graph: Graph, { scales, global }: BlockScaledExpr, rows: Value | null): Value {
  const values = scaleNumbers(graph, storedPart(scales), rows);
  if (!global) return values;
  const { of, divides } = global;
  const by =
    typeof of === 'number'
      ? graph.constant([of], [], 'float32')
      : external(graph, { ...of, shape: [] }, 'float32');
  return (divides ? div : mul)(values, by);
}

function scaleNumbers(graph: Graph, of: StoredTensor, rows: Value | null): Value {
  const take = (a: Value) => (rows ? gather(a, rows) : a);
  switch (of.dtype) {
    case 'U8':
    case 'F8_E8M0':
      return powerOfTwo(plusNumber(cast(take(external(graph, of, 'uint8')), 'float32'), -127));
    case 'F8_E4M3':
      return codesIn(graph, of, { code: 'e4m3', rows });
    default: {
      const type = (floatTypes as Partial<Record<string, GraphDType>>)[of.dtype];
      if (type) return cast(take(external(graph, of, type)), 'float32');
      throw new MoepressError('TENSOR_DTYPE', {
        message: `${of.name} is ${of.dtype}, which are no scales.`,
        where: of.file,
      });
    }
  }
}

/** Of each row its blocks: [rows, blocks]; where columns name their blocks, one for each column. */
function perBlock(graph: Graph, expr: BlockScaledExpr, grid: Value, rows: Value | null): Value {
  const { groups, shape } = expr;
  const tall =
    groups?.axis === 0
      ? gather(grid, groupsOf(graph, groups.of))
      : repeatRows(grid, blockSize(expr, 0), shape[0]!);
  const wide = groups?.axis === 1 ? gather(tall, groupsOf(graph, groups.of), 1) : tall;
  return rows && Number(wide.shape[0]) > 1 ? gather(wide, rows) : wide;
}

const groupsOf = (graph: Graph, of: TensorExpr): Value => external(graph, storedPart(of), 'int32');

/** Values [rows, columns] combined with what each block has, one operation after the other: [rows, blocks * block]. */
function overBlocks(
  expr: BlockScaledExpr,
  values: Value,
  steps: readonly { by: (a: Value, b: Value) => Value; of: Value }[],
): Value {
  const { groups, shape, zero, zeros } = expr;
  const width = shape[1]!;
  const size = groups?.axis === 1 ? 1 : Math.min(blockSize(expr, 1), width);
  const blocks = Math.ceil(width / size);
  const count = Number(values.shape[0]);
  const shifted = zero !== 0 && !zeros ? plusNumber(values, -zero) : values;
  const byBlock = reshape(padEnd(shifted, 1, blocks * size), [count, blocks, size]);
  const scaled = steps.reduce((value, { by, of }) => by(value, unsqueeze(of, 2)), byBlock);
  return reshape(scaled, [count, blocks * size]);
}

/** Each row of a matrix repeated `times` times, up to `height` rows. One row for all stays one. */
function repeatRows(a: Value, times: number, height: number): Value {
  const [count, width] = a.shape as number[];
  if (times === 1 || count === 1) return a;
  const repeated = reshape(expand(unsqueeze(a, 1), 1, times), [count! * times, width!]);
  return slice(repeated, 0, 0, height);
}

/** What a model is opened with is stored; parts of it are taken of the matrix, not of its codes. */
function storedPart(of: TensorExpr): StoredTensor {
  if (of.kind === 'stored') return of;
  throw new TypeError(`Parts of quantised matrices are only written, not computed with: ${of.kind}.`);
}
