import { stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import {
  anonymousMemory,
  exprEntry,
  FileOutput,
  planShards,
  writeSafetensors,
  writingBytes,
} from '@moepress/checkpoint';
import {
  blockTensors,
  byteLength,
  headTensors,
  type Model,
  type TensorExpr,
  type Work,
} from '@moepress/core';

export interface WritingEstimate {
  readonly seconds: number;
  /** Most bytes of anonymous memory that the process takes meanwhile. */
  readonly memory: number;
}

/** Bytes of the two files that are tried. */
const [small, large] = [4e6, 96e6];

/**
 * What it takes to write a view of so many bytes below a folder: two small files of its own tensors are tried there, which
 * are gone afterwards. Throws `DISK_FULL` and `WRITE_FAILED`.
 */
export async function estimateWriting(
  view: Model,
  { folder, bytes }: { readonly folder: string; readonly bytes: number },
  { signal }: Work,
): Promise<WritingEstimate> {
  const tensors = [...view.blocks.flatMap(blockTensors), ...headTensors(view), view.embed];
  const memory = anonymousMemory() + memoryToWrite(tensors);
  const place = join(await existing(dirname(resolve(folder))), '.moepress-trial');
  const output = await FileOutput.claim(place, { force: true, isOwn: async () => true });
  const timed = async (most: number) => {
    const chosen = upTo(tensors, Math.min(most, bytes));
    const started = performance.now();
    await writeSafetensors(output.path, entriesOf(chosen.tensors), { signal });
    return { seconds: (performance.now() - started) / 1000, bytes: chosen.bytes };
  };
  try {
    const few = await timed(small);
    const many = await timed(large);
    return { seconds: secondsOf(few, many, bytes), memory };
  } finally {
    await output.abandon();
  }
}

interface Timed {
  readonly seconds: number;
  readonly bytes: number;
}

/** By two files: what any file takes, and each byte in it. */
function secondsOf(few: Timed, many: Timed, bytes: number): number {
  if (many.bytes >= bytes) return many.seconds;
  const each = (many.seconds - few.seconds) / (many.bytes - few.bytes);
  if (!(each > 0)) return (many.seconds / many.bytes) * bytes;
  return Math.max(0, few.seconds - each * few.bytes) + each * bytes;
}

const memoryToWrite = (tensors: readonly TensorExpr[]): number =>
  writingBytes(planShards(entriesOf(tensors)).shards.map(({ layout }) => layout));

const entriesOf = (tensors: readonly TensorExpr[]) =>
  tensors.map((tensor, i) => exprEntry(`tensor.${i}`, tensor));

/** The first tensors, as many as have so many bytes. */
function upTo(tensors: readonly TensorExpr[], most: number) {
  const chosen: TensorExpr[] = [];
  let bytes = 0;
  for (const tensor of tensors) {
    if (bytes >= most) break;
    chosen.push(tensor);
    bytes += byteLength(tensor.dtype, tensor.shape);
  }
  return { tensors: chosen, bytes };
}

/** The folder itself, or the nearest above it that is there. */
async function existing(folder: string): Promise<string> {
  const info = await stat(folder).catch(() => null);
  return info?.isDirectory() || dirname(folder) === folder ? folder : existing(dirname(folder));
}
