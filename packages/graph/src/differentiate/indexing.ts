import { addRows, gatherElements, gatherNd, scatterAdd, scatterNdAdd, transposeLast } from '../ops/shape.js';
import type { Vjp } from './vjp.js';

/**
 * Operators that pick or place elements. The gradient of a picked element goes to its source, added up if it was
 * picked more than once; a placed element gets the gradient of its target position. In a session of several threads
 * nothing may be picked twice, see `scatterNdAdd`.
 */
export const indexing: Readonly<Record<string, Vjp>> = {
  Gather: ({ node, gradients, inputs }) => {
    const [indices, g] = [inputs[1]!, gradients[0]!];
    if (node.attributes.axis === 0) return [{ addTo: (sum) => addRows(sum, indices, g) }, null];
    if (node.attributes.axis !== 1 || g.shape.length !== 2) {
      throw new RangeError(`${node.name}: only rows and the columns of matrices have a derivative.`);
    }
    return [{ addTo: (sum) => transposeLast(addRows(transposeLast(sum), indices, transposeLast(g))) }, null];
  },

  GatherElements: ({ node, gradients, inputs }) => {
    const axis = Number(node.attributes.axis);
    return [{ addTo: (sum) => scatterAdd(sum, inputs[1]!, gradients[0]!, axis) }, null];
  },

  GatherND: ({ gradients, inputs }) => [
    { addTo: (sum) => scatterNdAdd(sum, inputs[1]!, gradients[0]!) },
    null,
  ],

  /** The attribute `reduction` must be add, the only one that is used here. */
  ScatterElements: ({ node, gradients, inputs, wanted }) => {
    const [g, indices] = [gradients[0]!, inputs[1]!];
    return [g, null, wanted[2] ? gatherElements(g, indices, Number(node.attributes.axis)) : null];
  },

  ScatterND: ({ gradients, inputs, wanted }) => {
    const [g, indices, updates] = [gradients[0]!, inputs[1]!, inputs[2]!];
    return [g, null, wanted[2] ? gatherNd(g, indices, updates.shape) : null];
  },

  /** The indices are constants and have no gradient. */
  TopK: ({ node, gradients, outputs }) => {
    const axis = Number(node.attributes.axis);
    const values = gradients[0];
    return [values ? { addTo: (sum) => scatterAdd(sum, outputs[1]!, values, axis) } : null, null];
  },
};
