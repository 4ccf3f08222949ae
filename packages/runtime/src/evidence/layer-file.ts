import { createHash } from 'node:crypto';
import { arrayEntry, bytesOf, readSafetensors, writeSafetensors } from '@moepress/checkpoint';
import { byteLength, MoepressError, type StoredTensor } from '@moepress/core';

/** One output of a statistic in one layer: sums of the given shape, row-major. */
export interface Sums {
  readonly dims: readonly number[];
  readonly data: Float64Array;
}

/** Far beyond any statistic: its sums must fit in memory for all layers. */
const maxBytes = 2 ** 30;

/** Writes a layer's outputs with their digest, whole or not at all. Throws `DISK_FULL` or `WRITE_FAILED`. */
export async function writeLayerFile(path: string, outputs: ReadonlyMap<string, Sums>): Promise<void> {
  const entries = [...outputs].map(([name, { dims, data }]) => arrayEntry(name, 'F64', dims, data));
  await writeSafetensors(path, entries, { metadata: { format: 'moepress-layer', sha256: digest(outputs) } });
}

/** Throws `CHECKPOINT_NOT_FOUND` or `CHECKPOINT_INVALID` if the file is not whole as it was written. */
export async function readLayerFile(path: string): Promise<Map<string, Sums>> {
  const { tensors, metadata } = await readSafetensors(path);
  const outputs = new Map<string, Sums>();
  let total = 0;
  for (const [name, tensor] of tensors) {
    total += byteLength(tensor.dtype, tensor.shape);
    if (tensor.dtype !== 'F64' || total > maxBytes) throw damaged(path, `${name} is no sum of a statistic`);
    outputs.set(name, { dims: tensor.shape, data: await doublesOf(tensor) });
  }
  if (digest(outputs) !== metadata.sha256)
    throw damaged(path, 'the sums do not have the digest they came with');
  return outputs;
}

async function doublesOf(tensor: StoredTensor): Promise<Float64Array> {
  const bytes = new Uint8Array(tensor.length);
  let at = 0;
  for await (const block of bytesOf(tensor)) {
    bytes.set(block, at);
    at += block.length;
  }
  return new Float64Array(bytes.buffer);
}

function digest(outputs: ReadonlyMap<string, Sums>): string {
  const hash = createHash('sha256');
  for (const [name, { dims, data }] of [...outputs].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(JSON.stringify([name, dims])).update(data);
  }
  return hash.digest('hex');
}

function damaged(where: string, problem: string): MoepressError {
  return new MoepressError('CHECKPOINT_INVALID', {
    message: `The evidence is damaged: ${problem}.`,
    where,
    hint: 'Remove the file: the next calibration will measure it again.',
  });
}
