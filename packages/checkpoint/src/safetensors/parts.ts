import { byteLength, type TensorExpr } from '@moepress/core';
import { type FileLayout, type TensorEntry, writeFault } from './file-layout.js';
import type { Stretch } from './jobs.js';

/** A tensor that brings its bytes itself. */
export interface Brought {
  readonly entry: TensorEntry;
  readonly position: number;
}

/** The data of a file by how they are written, each in the order of the file. */
export interface Parts {
  readonly stretches: readonly Stretch[];
  readonly brought: readonly Brought[];
}

/** Throws `WRITE_FAILED` if expressions are not as long as their tensor. */
export function partsOf({ head, entries }: FileLayout): Parts {
  const stretches: { position: number; bytes: number; of: TensorExpr[] }[] = [];
  const brought: Brought[] = [];
  let position = head.byteLength;
  for (const entry of entries) {
    const bytes = byteLength(entry.dtype, entry.shape);
    const last = stretches.at(-1);
    if (!entry.of) {
      brought.push({ entry, position });
    } else {
      checkLength(entry, entry.of);
      if (last && last.position + last.bytes === position) {
        last.bytes += bytes;
        for (const expr of entry.of) last.of.push(expr);
      } else {
        stretches.push({ position, bytes, of: [...entry.of] });
      }
    }
    position += bytes;
  }
  return { stretches, brought };
}

function checkLength(entry: TensorEntry, of: readonly TensorExpr[]): void {
  checkBytes(
    entry,
    of.reduce((sum, { dtype, shape }) => sum + byteLength(dtype, shape), 0),
  );
}

/** Throws `WRITE_FAILED` unless a tensor brings as many bytes as it takes. */
export function checkBytes({ name, dtype, shape }: TensorEntry, bytes: number): void {
  const expected = byteLength(dtype, shape);
  if (bytes === expected) return;
  throw writeFault(`${dtype} [${shape}] takes ${expected} bytes but ${bytes} came`, name);
}
