import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OutputFile } from '@moepress/checkpoint';
import { throwIfAborted } from '@moepress/core';
import { encodeModel, type GraphIR } from '@moepress/graph';
import { encodeTensor, type PendingScales } from './encode-tensor.js';
import type { DataFile } from './place-tensors.js';

export interface WritingWork {
  readonly signal?: AbortSignal | undefined;
  /** Called with the number of bytes of weights that have just been written. */
  readonly count: (bytes: number) => void;
}

/** Writes a graph whose tensors are placed in files, and these files, into a folder; in blocks, flushed. Returns the bytes of the graph. */
export async function writeGraph(
  folder: string,
  {
    name,
    graph,
    files,
  }: { readonly name: string; readonly graph: GraphIR; readonly files: readonly DataFile[] },
  work: WritingWork,
): Promise<number> {
  const pending: PendingScales = new Map();
  for (const file of files) await writeData(join(folder, file.name), file, pending, work);
  const bytes = encodeModel(graph);
  await writeFile(join(folder, name), bytes, { flag: 'wx', flush: true });
  return bytes.length;
}

async function writeData(
  path: string,
  { tensors, bytes }: DataFile,
  pending: PendingScales,
  { signal, count }: WritingWork,
): Promise<void> {
  const handle = await open(path, 'wx');
  try {
    const output = new OutputFile(handle);
    for (const { tensor, offset } of tensors) {
      let at = offset;
      for await (const block of encodeTensor(tensor, pending)) {
        throwIfAborted(signal);
        await output.write(block, at);
        at += block.length;
        count(block.length);
      }
    }
    await output.settle();
    await handle.truncate(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
