import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeFloat32, readSafetensors } from '@moepress/checkpoint';
import { hold } from './check.js';

/** What another program computed for a sequence. */
export interface GoldenSequence {
  readonly ids: readonly number[];
  /** [n, vocabulary] */
  readonly logits: Float32Array;
}

/** Reads `s0.input_ids`, `s0.logits`, `s1.input_ids` and so on from golden.safetensors of a folder. */
export async function readGolden(folder: string): Promise<GoldenSequence[]> {
  const { tensors } = await readSafetensors(join(folder, 'golden.safetensors'));
  const sequences: GoldenSequence[] = [];
  for (;;) {
    const [ids, logits] = ['input_ids', 'logits'].map((name) => tensors.get(`s${sequences.length}.${name}`));
    if (!ids || !logits) break;
    const file = await readFile(ids.file);
    const bytes = new Uint8Array(file.subarray(ids.offset, ids.offset + ids.length));
    sequences.push({ ids: [...new Int32Array(bytes.buffer)], logits: await decodeFloat32(logits) });
  }
  hold(sequences.length > 0, `The golden.safetensors in ${folder} holds no s0.input_ids and s0.logits.`);
  return sequences;
}
