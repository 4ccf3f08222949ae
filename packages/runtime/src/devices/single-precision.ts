import { elementTypes, type GraphIR, type InitializerIR, type NodeIR } from '@moepress/graph';

/**
 * A graph that computes in fp32 wherever it would in double precision, for devices that have none: there every
 * such operator would fall to the processor, with its operands. Outputs keep their type, so that sums over
 * batches are still made in doubles; the sum over the tokens of one batch is not.
 */
export function inSinglePrecision(graph: GraphIR): GraphIR {
  const doubles = new Set(graph.outputs.filter(({ dtype }) => dtype === 'float64').map(({ name }) => name));
  return {
    ...graph,
    nodes: graph.nodes.map((node) =>
      doubles.has(node.outputs[0]!) ? castOf(node, 'float64') : withSingleCast(node),
    ),
    initializers: graph.initializers.map(singleLiteral),
  };
}

/** The node that hands out a value under the name of an output, which converts it back. */
const castOf = (node: NodeIR, dtype: 'float64'): NodeIR => ({
  ...node,
  type: 'Cast',
  attributes: { to: elementTypes[dtype] },
});

function withSingleCast(node: NodeIR): NodeIR {
  if (node.type !== 'Cast' || node.attributes.to !== elementTypes.float64) return node;
  return { ...node, attributes: { to: elementTypes.float32 } };
}

/** What is mapped from a file keeps its type: it is converted before anything is computed with it. */
function singleLiteral(initializer: InitializerIR): InitializerIR {
  const { dtype, data } = initializer;
  if (dtype !== 'float64' || !(data instanceof Uint8Array)) return initializer;
  const numbers = new Float64Array(data.buffer, data.byteOffset, data.byteLength / 8);
  return { ...initializer, dtype: 'float32', data: new Uint8Array(Float32Array.from(numbers).buffer) };
}
