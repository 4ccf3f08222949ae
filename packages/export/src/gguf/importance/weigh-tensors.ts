import { type Model, MoepressError } from '@moepress/core';
import type { GgufTensor } from '../file/gguf-tensor.js';
import type { WrittenType } from '../quantise/quantise.js';
import { type Importance, meanSquares, type TensorImportance } from './importance.js';
import { importanceOfView } from './importance-of-view.js';

/** Types in which ggml weighs errors by the importance of columns. */
const weighed: readonly WrittenType[] = ['q4_0', 'q5_0', 'q4_k', 'q5_k', 'q6_k'];

interface TypedTensor extends GgufTensor {
  readonly type: WrittenType;
}

/** Tensors with the mean squares of the columns of their matrices, where they are known and their types use them. */
export type WeighedTensor = TypedTensor & { readonly importance?: readonly Float32Array[] };

/**
 * Puts the importance of columns beside the tensors of a view. It is that of the view, or of the model that the view was made
 * of. Returns, too, how many tensors it was not known for, though their types would use it, the embedding and the head aside,
 * which nobody measures. Throws `INPUT_INVALID` where it is that of a tensor of another shape.
 */
export function weighTensors(
  tensors: readonly TypedTensor[],
  model: Model,
  importance: Importance | undefined,
): { readonly tensors: readonly WeighedTensor[]; readonly unweighed: number } {
  if (!importance) return { tensors, unweighed: 0 };
  let unweighed = 0;
  const found = tensors.map((tensor): WeighedTensor => {
    if (!weighed.includes(tensor.type)) return tensor;
    const own = importance.tensors.get(tensor.name);
    if (!own) {
      if (tensor.name.startsWith('blk.')) unweighed++;
      return tensor;
    }
    if (fits(tensor, own)) return { ...tensor, importance: meanSquares(own) };
    const ofView = importanceOfView(tensor.name, model, importance);
    if (!ofView) throw otherShape(tensor, own);
    return { ...tensor, importance: meanSquares(ofView) };
  });
  return { tensors: found, unweighed };
}

const fits = ({ shape, from }: GgufTensor, { squares, counts }: TensorImportance): boolean =>
  counts.length === from.length && squares.length === from.length * shape.at(-1)!;

function otherShape({ name, shape, from }: GgufTensor, { squares, counts }: TensorImportance): MoepressError {
  const found = `${counts.length} matrices of ${squares.length / counts.length} columns`;
  return new MoepressError('INPUT_INVALID', {
    message: `The importance matrix has ${found} for ${name}, and the model has ${from.length} of ${shape.at(-1)}.`,
    where: 'imatrix',
    hint: 'Give one that was measured on this model, before or after its plan; with `calibration` one is measured.',
  });
}
