/** What scripts that try many checkpoints share. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSafetensors } from '@moepress/checkpoint';
import { ModelRunner } from '@moepress/runtime';

/** One worker with one thread. */
export const one = { workers: 1, threads: 1 };

/** Where the checkpoint and its token ids lie. */
export function goldenOf(folder) {
  return [
    { checkpoint: folder, tensors: join(folder, 'golden.safetensors') },
    { checkpoint: join(folder, 'bf16'), tensors: join(folder, 'golden.bf16w.safetensors') },
  ].find(({ tensors }) => existsSync(tensors));
}

/** The logits of a text, as one list. */
export async function logitsOf(model, ids) {
  const runner = await ModelRunner.open(model, one);
  try {
    const [trace] = await runner.trace([ids]);
    return trace.logits.data;
  } finally {
    await runner.dispose();
  }
}

/** At most 64 token ids of each text that the references are of. */
export async function sequencesOf(folder) {
  const { tensors } = await readSafetensors(goldenOf(folder).tensors);
  return [...tensors.values()]
    .filter(({ name }) => name.endsWith('.input_ids'))
    .map(({ file, offset, length }) => [
      ...new Int32Array(new Uint8Array(readFileSync(file).subarray(offset, offset + length)).buffer),
    ])
    .map((ids) => ids.slice(-64));
}
