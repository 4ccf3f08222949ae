import { elementTypes, type GraphIR, type NodeIR } from '@moepress/graph';

/**
 * A graph whose products with weights, x Wᵀ + b, are computed in fp16: weights take half the memory of the device,
 * and its matrix units are faster. Everything between them, and every product that the graph says must be exact,
 * stays in fp32: norms, softmax, router, head, and all that only derivatives need.
 */
export function inHalfPrecision(graph: GraphIR): GraphIR {
  const weights = weightValues(graph);
  const isHalved = ({ type, attributes, inputs, exact }: NodeIR) =>
    type === 'Gemm' && attributes.transB === 1 && !exact && weights.has(inputs[1]!);
  const halves = new Set<string>();
  const halve = (name: string): NodeIR[] => {
    if (name === '' || halves.has(name)) return [];
    halves.add(name);
    return [cast(name, halfName(name), 'float16')];
  };
  const nodes = graph.nodes.flatMap((node): NodeIR[] => {
    if (!isHalved(node)) return [node];
    const [output] = node.outputs as [string];
    const halved = node.inputs.flatMap(halve);
    const inputs = node.inputs.map((name) => (name === '' ? '' : halfName(name)));
    halves.add(output);
    const product = { ...node, inputs, outputs: [halfName(output)] };
    return [...halved, product, cast(halfName(output), output, 'float32')];
  });
  return { ...graph, nodes };
}

const halfName = (name: string): string => `${name}/half`;

const cast = (from: string, to: string, dtype: 'float16' | 'float32'): NodeIR => ({
  type: 'Cast',
  domain: '',
  name: `${to}/Cast`,
  inputs: [from],
  outputs: [to],
  attributes: { to: elementTypes[dtype] },
});

/** Names of everything that is computed from weights alone. */
function weightValues({ initializers, nodes }: GraphIR): ReadonlySet<string> {
  const fixed = new Set(initializers.map(({ name }) => name));
  const weights = new Set(
    initializers.filter(({ data }) => !(data instanceof Uint8Array)).map(({ name }) => name),
  );
  for (const { inputs, outputs } of nodes) {
    if (!inputs.every((name) => name === '' || fixed.has(name))) continue;
    for (const output of outputs) {
      fixed.add(output);
      if (inputs.some((name) => weights.has(name))) weights.add(output);
    }
  }
  return weights;
}
