import { decodeFloat32, type GgufFile, type GgufTensor, readGguf } from '@moepress/checkpoint';
import { MoepressError, type StoredTensor } from '@moepress/core';
import type { Importance, TensorImportance } from './importance.js';
import { importanceKind, suffixes, textsKey } from './importance-format.js';

/** The most bytes of sums and counts that are read: those of the largest published models take one or two billion. */
const mostBytes = 8 * 2 ** 30;

/**
 * Reads an importance matrix as llama.cpp's `llama-imatrix` writes it, a GGUF file with `<tensor>.in_sum2` and
 * `<tensor>.counts`; of tensors that `isWanted` names. Throws `CHECKPOINT_NOT_FOUND`, and `CHECKPOINT_INVALID` for a file that is
 * none, or whose numbers cannot be sums of squares.
 */
export async function readImportance(
  path: string,
  isWanted: (name: string) => boolean = () => true,
): Promise<Importance> {
  const file = await readGguf(path);
  const kind = file.metadata.get('general.type')?.value;
  if (kind !== importanceKind)
    throw invalid(file, 'It is no importance matrix: its `general.type` is not "imatrix"');
  const texts = file.metadata.get(textsKey)?.value;
  const tensors = new Map<string, TensorImportance>();
  let bytes = 0;
  for (const [full, squares] of file.tensors) {
    if (!full.endsWith(suffixes.squares)) continue;
    const name = full.slice(0, -suffixes.squares.length);
    if (!isWanted(name)) continue;
    const counts = file.tensors.get(`${name}${suffixes.counts}`);
    if (!counts) throw invalid(file, `It has ${full} and no ${name}${suffixes.counts}`);
    bytes += squares.length + counts.length;
    if (bytes > mostBytes) throw invalid(file, `It has more than ${mostBytes} bytes of sums`);
    tensors.set(name, await readOne(file, squares, counts));
  }
  return { tensors, texts: Array.isArray(texts) ? texts.map(String) : [] };
}

async function readOne(file: GgufFile, squares: GgufTensor, counts: GgufTensor): Promise<TensorImportance> {
  const [sums, tokens] = [await numbersOf(file, squares), await numbersOf(file, counts)];
  if (tokens.length === 0 || sums.length === 0 || sums.length % tokens.length !== 0) {
    throw invalid(file, `${squares.name} has ${sums.length} numbers for ${tokens.length} matrices`);
  }
  return { squares: sums, counts: tokens };
}

async function numbersOf({ path, ...file }: GgufFile, tensor: GgufTensor): Promise<Float32Array> {
  const { name, type, shape, offset, length } = tensor;
  if (type.name !== 'f32') throw invalid({ path, ...file }, `${name} is ${type.name}, not f32`);
  const stored: StoredTensor = { kind: 'stored', dtype: 'F32', name, shape, file: path, offset, length };
  const numbers = await decodeFloat32(stored);
  if (numbers.every((number) => number >= 0 && number < Number.POSITIVE_INFINITY)) return numbers;
  throw invalid({ path, ...file }, `${name} has numbers that are negative, infinite or none at all`);
}

const invalid = ({ path }: Pick<GgufFile, 'path'>, problem: string): MoepressError =>
  new MoepressError('CHECKPOINT_INVALID', {
    message: `${problem}.`,
    where: path,
    hint: 'Make it again with `llama-imatrix`, which writes GGUF, or let one be measured on a `calibration` set.',
  });
