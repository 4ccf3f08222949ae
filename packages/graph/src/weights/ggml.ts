import { type GgmlExpr, type Graph, ggmlBlocks, type Value } from '@moepress/core';
import { gather, reshape } from '../ops/shape.js';
import { GraphMachine } from './graph-machine.js';

/**
 * The matrix that a `GgmlExpr` means, in fp32, or some `rows` of it, indices of any shape [..]: [.., columns]. Bytes are
 * mapped and rows taken before anything is computed.
 */
export function ggmlWeight(graph: Graph, { type, of, shape }: GgmlExpr, rows: Value | null = null): Value {
  const { name, file, offset, length } = of;
  const columns = shape[1]!;
  const { block, bytes, values } = ggmlBlocks[type];
  const stored = graph.external(name, 'uint8', of.shape, { file, offset, length });
  const taken = rows ? gather(stored, rows) : stored;
  const places = taken.shape.slice(0, -1);
  const perRow = columns / block;
  const count = places.every((size) => typeof size === 'number')
    ? places.reduce<number>((product, size) => product * Number(size), perRow)
    : `${places.join('*')}*${perRow}`;
  const blocks = reshape(taken, [-1, bytes], [count, bytes]);
  const numbers = values(new GraphMachine(blocks));
  const dynamic = places.filter((size) => typeof size === 'string').length;
  // One size may be left to the engine.
  const target = [...places.map((size) => (typeof size === 'number' ? size : -1)), columns];
  if (dynamic > 1) throw new RangeError('Rows of a weight are taken along one axis of unknown size at most.');
  return reshape(numbers, target, [...places, columns]);
}
