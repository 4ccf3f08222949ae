/** Shared by the tests of the model folder. */
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Expert, type Model, mlpTensors, moeBlocks, type StoredTensor } from '@moepress/core';
import { exprEntry, type TensorEntry } from '../safetensors/file-layout.js';
import { readSafetensors } from '../safetensors/read.js';
import { writeSafetensors } from '../safetensors/write.js';
import { fixture, temporaryFolder } from '../support.test.util.js';
import { bytesOf, decodeFloat32 } from '../tensor/read-tensor.js';

const weights = 'model.safetensors';
export const storedTensors = async (name: string) =>
  (await readSafetensors(fixture(`${name}/${weights}`))).tensors;

/** A copy of a fixture with other tensors. */
export async function withTensors(
  name: string,
  change: (tensors: ReadonlyMap<string, StoredTensor>) => TensorEntry[] | Promise<TensorEntry[]>,
): Promise<string> {
  const folder = await temporaryFolder();
  for (const file of ['config.json', 'generation_config.json']) {
    await copyFile(fixture(`${name}/${file}`), join(folder, file));
  }
  await writeSafetensors(join(folder, weights), await change(await storedTensors(name)));
  return folder;
}

export const entriesOf = (tensors: Iterable<StoredTensor>) =>
  [...tensors].map((tensor) => exprEntry(tensor.name, tensor));

export async function bytesIn(tensor: StoredTensor): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of bytesOf(tensor)) pieces.push(piece);
  return Buffer.concat(pieces);
}

export const pools = (model: Model) => moeBlocks(model).map(({ ffn }) => ffn.pool);
export const valuesOf = (expert: Expert) => Promise.all(mlpTensors(expert).map(decodeFloat32));
