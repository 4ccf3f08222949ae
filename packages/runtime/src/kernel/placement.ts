import { mostPages, runsProducts, type SharedMemory, webAssembly } from '@moepress/checkpoint/web-assembly';
import type { StoredTensor, TensorExpr } from '@moepress/core';
import { productModule } from './module.js';

/** Where the head is in the shared memory, and where each worker has room for its inputs and results. */
export interface HeadPlacement {
  readonly file: string;
  /** Offset of the weights in the file; in the memory they begin at 0. */
  readonly offset: number;
  /** Size of the vocabulary. */
  readonly rows: number;
  readonly columns: number;
  /** Bytes of the weights that this worker reads from the file. */
  readonly share: { readonly from: number; readonly to: number };
  /** The address of the worker's room. */
  readonly scratch: number;
}

/**
 * Most sequences of a lane whose tokens the kernel finds. It multiplies 14 billion numbers a second and core, one row after
 * the other; from four rows on ONNX Runtime is as fast.
 */
export const mostKernelRows = 3;

const pageBytes = 65536;

/** BF16 weights that are contiguous in one file; null for others. */
function storedHead(head: TensorExpr): StoredTensor | null {
  const stored = head.kind === 'learned' ? head.stored : head;
  return stored.kind === 'stored' && stored.dtype === 'BF16' && stored.length > 0 ? stored : null;
}

/** Bytes of memory that the workers share; 0 where the kernel cannot multiply with this head, or not on this machine. */
export function kernelBytes(head: TensorExpr, workers: number): number {
  const stored = storedHead(head);
  if (!stored || !hasKernel()) return 0;
  const bytes = scratchOf(stored, workers);
  return bytes <= mostPages * pageBytes ? Math.ceil(bytes / pageBytes) * pageBytes : 0;
}

/** The shared memory for a head and where each worker finds what in it; null if there is none to be had. */
export function placeHead(
  head: TensorExpr,
  workers: number,
): { readonly memory: SharedMemory; readonly placements: readonly HeadPlacement[] } | null {
  const bytes = kernelBytes(head, workers);
  const stored = storedHead(head);
  if (bytes === 0 || !stored) return null;
  const { file, offset, length } = stored;
  const [rows, columns] = stored.shape as [number, number];
  const memory = sharedMemory(bytes / pageBytes);
  if (!memory) return null;
  const part = (i: number) => Math.floor((i * length) / workers);
  const placements = Array.from({ length: workers }, (_, i) => ({
    ...{ file, offset, rows, columns },
    share: { from: part(i), to: part(i + 1) },
    scratch: scratchOf(stored, i),
  }));
  return { memory, placements };
}

/** The address of the i-th worker's room, behind the weights. */
function scratchOf({ length, shape }: StoredTensor, i: number): number {
  const [rows, columns] = shape as [number, number];
  return Math.ceil(length / 16) * 16 + i * mostKernelRows * 4 * (rows + columns);
}

function sharedMemory(pages: number): SharedMemory | null {
  try {
    return new webAssembly.Memory({ initial: pages, maximum: mostPages, shared: true });
  } catch {
    // What can be addressed may be less than what there is.
    return null;
  }
}

let validated: boolean | undefined;

function hasKernel(): boolean {
  validated ??= runsProducts(productModule());
  return validated;
}
