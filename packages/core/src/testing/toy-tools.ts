import { createRng } from '../method/rng.js';
import type { MethodTools } from '../method/tools.js';
import { elementCount } from '../tensor/dtype.js';
import { type StoredTensor, storedIn, type TensorExpr } from '../tensor/expr.js';

/** The values of a stored tensor, row-major. */
export type ToyWeights = (tensor: StoredTensor) => Float64Array;

/** Numbers in [-1, 1) that depend on the tensor's name alone. */
export const randomWeights: ToyWeights = ({ name, shape }) => {
  const seed = [...name].reduce((hash, character) => Math.imul(hash, 31) + character.charCodeAt(0), 7);
  const rng = createRng(seed);
  return Float64Array.from({ length: elementCount(shape) }, () => 2 * rng.next() - 1);
};

const absent = () => Promise.reject(new Error('The method was not to use this service.'));

/** Tools that fail when called, for methods that decide without an engine. */
export const noTools: MethodTools = { gram: absent, replayLayers: absent, compareViews: absent };

/** Tools in plain loops over made-up weights; for tensors as they are stored, not for views of them. */
export function toyTools(weights: ToyWeights = randomWeights): MethodTools {
  const valuesOf = (tensor: TensorExpr) => {
    const [stored] = storedIn(tensor);
    if (stored !== tensor) throw new Error(`Toy tools know stored tensors only, not ${tensor.kind}().`);
    return weights(stored);
  };
  return {
    ...noTools,
    async gram(tensors) {
      const vectors = tensors.map(valuesOf);
      const products = vectors.flatMap((a) =>
        vectors.map((b) => a.reduce((sum, value, i) => sum + value * b[i]!, 0)),
      );
      return Float64Array.from(products);
    },
  };
}
