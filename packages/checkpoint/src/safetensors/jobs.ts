import { byteLength, elementCount } from '@moepress/core';
import { type Block, blocksOf, type Piece, piecesOf } from '../tensor/pieces.js';
import { type FileLayout, type TensorEntry, writeFault } from './file-layout.js';

/** A part of a file that can be written by itself. */
export type Job = BlockJob | EntriesJob;

/** Bytes that expressions make up, maybe of several tensors. */
export interface BlockJob extends Block {
  readonly kind: 'block';
  /** Offset in the file. */
  readonly position: number;
}

/** Tensors that bring their bytes themselves, one after the other: what makes them may have room for one only. */
export interface EntriesJob {
  readonly kind: 'entries';
  readonly entries: readonly TensorEntry[];
  readonly position: number;
}

/**
 * What has to be done for the data of a file, in its order: tensors made of expressions are joined, so that what lies
 * side by side in one file and goes side by side into the other is one stretch, and cut into blocks of at most
 * `blockBytes`. Throws `WRITE_FAILED` if expressions are not as long as their tensor.
 */
export function* jobsOf({ head, entries }: FileLayout, blockBytes: number): Generator<Job, void, undefined> {
  let position = head.byteLength;
  for (const group of alike(entries)) {
    if (group[0]!.of) {
      for (const block of blocksOf(piecesOfAll(group), blockBytes)) {
        yield { kind: 'block', ...block, position };
        position += block.bytes;
      }
    } else {
      yield { kind: 'entries', entries: group, position };
      for (const { dtype, shape } of group) position += byteLength(dtype, shape);
    }
  }
}

/** Neighbours that are all made of expressions, or none. */
function* alike(entries: readonly TensorEntry[]): Generator<TensorEntry[]> {
  let group: TensorEntry[] = [];
  for (const entry of entries) {
    if (group.length > 0 && Boolean(group[0]!.of) !== Boolean(entry.of)) {
      yield group;
      group = [];
    }
    group.push(entry);
  }
  if (group.length > 0) yield group;
}

function* piecesOfAll(entries: readonly TensorEntry[]): Generator<Piece> {
  for (const entry of entries) {
    const lengths = entry.of!.map(({ dtype, shape }) => byteLength(dtype, shape));
    checkLength(
      entry,
      lengths.reduce((sum, length) => sum + length, 0),
    );
    for (const expr of entry.of!) yield* piecesOf(expr, 0, elementCount(expr.shape));
  }
}

/** Throws `WRITE_FAILED` unless a tensor brings as many bytes as it takes. */
export function checkLength({ name, dtype, shape }: TensorEntry, bytes: number): void {
  const expected = byteLength(dtype, shape);
  if (bytes === expected) return;
  throw writeFault(`${dtype} [${shape}] takes ${expected} bytes but ${bytes} came`, name);
}
