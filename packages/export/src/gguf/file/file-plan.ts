import { defaultAlignment, type GgmlType, ggmlBytes, ggmlTypes } from '@moepress/checkpoint';
import { elementCount } from '@moepress/core';
import type { WrittenType } from '../quantise/quantise.js';
import type { GgufTensor } from './gguf-tensor.js';
import { encodeHeader } from './header-bytes.js';
import type { GgufMetadata } from './metadata.js';

/** A tensor with its type and its place in the file. */
export interface PlacedTensor extends GgufTensor {
  readonly type: WrittenType;
  /** Offset in the file. */
  readonly position: number;
  readonly bytes: number;
}

/** A GGUF file as it will be. */
export interface FilePlan {
  readonly head: Uint8Array;
  readonly tensors: readonly PlacedTensor[];
  readonly weightBytes: number;
  readonly totalBytes: number;
}

/** Lays out a file: its head, then every tensor at a multiple of 32 bytes. */
export function planFile(
  metadata: GgufMetadata,
  tensors: readonly (GgufTensor & { readonly type: WrittenType })[],
): FilePlan {
  let end = 0;
  const infos = tensors.map((tensor) => {
    const type = ggmlTypes[tensor.type];
    const offset = end;
    const bytes = tensorBytes(tensor, type);
    end = aligned(offset + bytes);
    return { ...tensor, type, offset, bytes };
  });
  const head = encodeHeader(metadata, infos);
  return {
    head,
    tensors: tensors.map((tensor, i) => ({
      ...tensor,
      position: head.length + infos[i]!.offset,
      bytes: infos[i]!.bytes,
    })),
    weightBytes: end,
    totalBytes: head.length + end,
  };
}

export function tensorBytes({ shape }: GgufTensor, type: GgmlType): number {
  const columns = shape.at(-1) ?? 1;
  return ggmlBytes(type, elementCount(shape) / columns, columns);
}

const aligned = (offset: number) => Math.ceil(offset / defaultAlignment) * defaultAlignment;
