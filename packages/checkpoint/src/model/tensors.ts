import { MoepressError, type StoredTensor } from '@moepress/core';
import { tensorName } from '../architectures/manifest.js';
import { isFloatType } from '../tensor/float.js';

/** The tensors of a checkpoint, taken by name template and checked against what the config promises. */
export class TensorSource {
  readonly #tensors: ReadonlyMap<string, StoredTensor>;
  readonly #directory: string;

  constructor(tensors: ReadonlyMap<string, StoredTensor>, directory: string) {
    this.#tensors = tensors;
    this.#directory = directory;
  }

  /** Throws `TENSOR_MISSING`, `TENSOR_SHAPE`, or `TENSOR_DTYPE` unless it is F32, F16 or BF16. */
  take(
    template: string,
    shape: readonly number[],
    at: { readonly layer?: number; readonly expert?: number } = {},
  ): StoredTensor {
    const name = tensorName(template, at);
    const tensor = this.#tensors.get(name);
    if (!tensor) {
      throw new MoepressError('TENSOR_MISSING', {
        message: `There is no tensor ${name}.`,
        where: this.#directory,
      });
    }
    const where = `${tensor.file}: ${name}`;
    if (tensor.shape.length !== shape.length || tensor.shape.some((n, i) => n !== shape[i])) {
      throw new MoepressError('TENSOR_SHAPE', {
        message: `${name} is [${tensor.shape}] but config.json makes it [${shape}].`,
        where,
      });
    }
    if (!isFloatType(tensor.dtype)) {
      throw new MoepressError('TENSOR_DTYPE', {
        message: `${name} is ${tensor.dtype}, not one of F32, F16 and BF16.`,
        where,
      });
    }
    return tensor;
  }
}
