import type { Value } from '@moepress/core';
import { frontAxis, intVector } from '../ops/dims.js';
import { mul, sub, timesNumber } from '../ops/math.js';
import { softmax } from '../ops/nn.js';
import { concat, expandLike, reshapeLike, sizeOf, split, transpose, unsqueeze } from '../ops/shape.js';
import { unbroadcast, type Vjp, type VjpContext } from './vjp.js';

/** Reshaping moves no element: the gradient is reshaped to the input's shape. */
const sameElements: Vjp = ({ gradients, inputs }) => [reshapeLike(gradients[0]!, inputs[0]!), null];

/** The numbers of an input of a node that must be a constant. Throws a RangeError for any other value. */
function literal({ literal, name }: Value): readonly number[] {
  if (literal) return literal;
  throw new RangeError(`${name} is not a constant.`);
}

/** The gradient of a sum, repeated along the axes that were summed. */
function spread({ gradients, inputs, node }: VjpContext): Value {
  const [x, axes] = [inputs[0]!, literal(inputs[1]!)];
  const kept = node.attributes.keepdims === 1;
  const fronts = axes.map((axis) => frontAxis(axis, x.shape.length)).sort((a, b) => a - b);
  const full = kept ? gradients[0]! : fronts.reduce((g, axis) => unsqueeze(g, axis), gradients[0]!);
  return expandLike(full, x);
}

export const reshaping: Readonly<Record<string, Vjp>> = {
  Reshape: sameElements,
  Squeeze: sameElements,
  Unsqueeze: sameElements,

  Transpose: ({ node, gradients }) => {
    const order = node.attributes.perm as readonly number[];
    return [
      transpose(
        gradients[0]!,
        [...order.keys()].map((axis) => order.indexOf(axis)),
      ),
    ];
  },

  Concat: ({ node, gradients, inputs }) => {
    const axis = frontAxis(Number(node.attributes.axis), inputs[0]!.shape.length);
    return split(gradients[0]!, axis, inputs as Value[]);
  },

  /** The gradient is zero outside the slice. */
  Slice: ({ gradients, inputs }) => {
    const [x, starts, ends, axes] = inputs as Value[];
    const [axis, rank] = [literal(axes!)[0]!, x!.shape.length];
    const zeros = (count: number) => (count === 0 ? [] : [intVector(x!, new Array<number>(count).fill(0))]);
    const after = sub(sizeOf(x!, axis), ends!);
    const pads = concat([...zeros(axis), starts!, ...zeros(rank - 1), after, ...zeros(rank - 1 - axis)], 0);
    return [x!.graph.op('Pad', [gradients[0]!, pads], { shape: x!.shape }), null, null, null];
  },

  Expand: ({ gradients, inputs }) => [unbroadcast(gradients[0]!, inputs[0]!), null],

  ReduceSum: (context) => [spread(context), null],

  ReduceMean: (context) => {
    const x = context.inputs[0]!;
    const count = literal(context.inputs[1]!).reduce(
      (product, axis) => product * Number(x.shape.at(axis)),
      1,
    );
    return [timesNumber(spread(context), 1 / count), null];
  },

  /** Implemented for one axis only. */
  ReduceLogSumExp: (context) => {
    const [x, axes] = [context.inputs[0]!, literal(context.inputs[1]!)];
    if (axes.length !== 1) throw new RangeError(`${context.node.name}: only one axis has a derivative.`);
    return [mul(spread(context), softmax(x, axes[0])), null];
  },
};
