import { type GgufEntry, type GgufFile, type GgufTensor, readGguf } from '@moepress/checkpoint';
import { type Model, MoepressError, storedIn } from '@moepress/core';
import { type KeptExperts, keptExperts } from './kept-experts.js';

/** Bytes of a file. */
export interface Stretch {
  readonly file: string;
  readonly offset: number;
  readonly length: number;
}

/** A GGUF file that is to be made of stretches of others. */
export interface SlicePlan {
  /** All before the data. */
  readonly head: readonly (Uint8Array | Stretch)[];
  readonly headBytes: number;
  /** In order; `position` is a place in the file. */
  readonly parts: readonly (Stretch & { readonly position: number })[];
  readonly weightBytes: number;
  readonly totalBytes: number;
}

/**
 * Lays out the GGUF file of a view that keeps some whole experts of a model that was opened from one: all tensors keep
 * their types and their bytes, those of experts some of them. Reads headers. Throws `CONFIG_UNSUPPORTED` for other
 * models and views.
 */
export async function planSlice(base: Model, view: Model): Promise<SlicePlan> {
  const parts = ggufPartsOf(base);
  if (parts === null) throw notGguf(base);
  const files = await Promise.all(parts.map((path) => readGguf(path)));
  return layOut(files, keptExperts(base, view));
}

const partName = /-(\d{5})-of-(\d{5})\.gguf$/i;

/** All parts of the GGUF file that the weights of a model lie in, the first one first; null: they lie elsewhere. */
export function ggufPartsOf({ embed }: Model): string[] | null {
  const path = storedIn(embed).next().value?.file;
  if (path === undefined || !/\.gguf$/i.test(path)) return null;
  const count = partName.exec(path)?.[2];
  if (count === undefined) return [path];
  return Array.from({ length: Number(count) }, (_, i) =>
    path.replace(partName, `-${String(i + 1).padStart(5, '0')}-of-${count}.gguf`),
  );
}

const notGguf = ({ id }: Model): MoepressError =>
  new MoepressError('CONFIG_UNSUPPORTED', {
    message: 'The model was not opened from a GGUF file: there are no blocks to keep.',
    where: id,
    hint: 'Give the GGUF file as the model, or another `type`.',
  });

/** A tensor in its new size. */
interface Sliced {
  readonly tensor: GgufTensor;
  readonly shape: readonly number[];
  readonly stretches: readonly Stretch[];
}

/** The layer of a tensor whose first axis is that of experts. */
const ofExperts =
  /^blk\.(\d+)\.(?:ffn_(?:gate|up|down|gate_up)_exps\.(?:weight|bias)|ffn_gate_inp\.(?:weight|bias)|exp_probs_b\.bias)$/;

function layOut(files: readonly GgufFile[], kept: KeptExperts): SlicePlan {
  const [first] = files as [GgufFile];
  const sliced = files.flatMap(({ tensors, path }) =>
    [...tensors.values()].map((each) => slice(each, path, kept)),
  );
  const { alignment } = first;
  const aligned = (at: number) => Math.ceil(at / alignment) * alignment;
  let end = 0;
  const placed = sliced.map((each) => {
    const offset = aligned(end);
    end = offset + each.stretches.reduce((sum, { length }) => sum + length, 0);
    return { ...each, offset };
  });
  const described = placed.map(({ tensor, shape, offset }) => encodeTensor(tensor, shape, offset));
  const metadata = [...first.metadata].filter(([key]) => !key.startsWith('split.'));
  const counts = Buffer.alloc(24);
  counts.write('GGUF', 0);
  counts.writeUInt32LE(first.version, 4);
  counts.writeBigUInt64LE(BigInt(placed.length), 8);
  counts.writeBigUInt64LE(BigInt(metadata.length), 16);
  const experts = kept.size > 0 ? [...kept.values()][0]!.length : null;
  const head = [counts, ...metadata.map((entry) => encodeEntry(entry, first, experts)), ...described];
  const bare = head.reduce((sum, { length }) => sum + length, 0);
  const headBytes = aligned(bare);
  const parts = placed.flatMap(({ stretches, offset }) => {
    let position = headBytes + offset;
    return stretches.map((stretch) => {
      const part = { ...stretch, position };
      position += stretch.length;
      return part;
    });
  });
  const weightBytes = aligned(end);
  return {
    head: [...head, Buffer.alloc(headBytes - bare)],
    headBytes,
    parts,
    weightBytes,
    totalBytes: headBytes + weightBytes,
  };
}

function slice(tensor: GgufTensor, file: string, kept: KeptExperts): Sliced {
  const { shape, offset, length } = tensor;
  const layer = ofExperts.exec(tensor.name)?.[1];
  const experts = layer === undefined ? undefined : kept.get(Number(layer));
  if (!experts) return { tensor, shape, stretches: [{ file, offset, length }] };
  const each = length / shape[0]!;
  return {
    tensor,
    shape: [experts.length, ...shape.slice(1)],
    stretches: joined(experts.map((expert) => ({ file, offset: offset + expert * each, length: each }))),
  };
}

/** Neighbours as one stretch. */
function joined(stretches: readonly Stretch[]): Stretch[] {
  const all: Stretch[] = [];
  for (const stretch of stretches) {
    const last = all.at(-1);
    if (last && last.offset + last.length === stretch.offset)
      all[all.length - 1] = { ...last, length: last.length + stretch.length };
    else all.push(stretch);
  }
  return all;
}

/** As it stands in the file, but for the number of experts. */
function encodeEntry(
  [key, { begin, end }]: readonly [string, GgufEntry],
  { path }: GgufFile,
  experts: number | null,
): Uint8Array | Stretch {
  if (experts === null || !key.endsWith('.expert_count'))
    return { file: path, offset: begin, length: end - begin };
  const name = Buffer.from(key);
  const bytes = Buffer.alloc(8 + name.length + 8);
  bytes.writeBigUInt64LE(BigInt(name.length), 0);
  name.copy(bytes, 8);
  // A uint32, whatever it was: that is what llama.cpp writes.
  bytes.writeUInt32LE(4, 8 + name.length);
  bytes.writeUInt32LE(experts, 12 + name.length);
  return bytes;
}

function encodeTensor({ name, type }: GgufTensor, shape: readonly number[], offset: number): Uint8Array {
  const text = Buffer.from(name);
  const bytes = Buffer.alloc(8 + text.length + 4 + 8 * shape.length + 4 + 8);
  let at = bytes.writeBigUInt64LE(BigInt(text.length), 0);
  at += text.copy(bytes, at);
  at = bytes.writeUInt32LE(shape.length, at);
  for (const size of shape.toReversed()) at = bytes.writeBigUInt64LE(BigInt(size), at);
  at = bytes.writeUInt32LE(type.id, at);
  bytes.writeBigUInt64LE(BigInt(offset), at);
  return bytes;
}
