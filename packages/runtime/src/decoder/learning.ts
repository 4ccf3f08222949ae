import { type Block, blockTensors, type Model } from '@moepress/core';
import {
  addRepeatedRows,
  cast,
  differentiate,
  GraphBuilder,
  type GraphIR,
  timesNumber,
  zeros,
} from '@moepress/graph';
import { ropeFor } from '../tokens/ropes.js';
import { packingOf } from './attention/packing.js';
import { differentiableBlock } from './block-gradient.js';
import { tableInputs } from './inputs.js';
import { outputGradient } from './loss-graph.js';
import { gradientOf, parameterInput, parametersIn } from './parameter.js';

/**
 * A decoder layer backwards, for the packed tokens of several sequences: recomputes it from its input
 * `hidden` [T, H] and turns `gradient`, that of its output, into the gradients of its parameters, each
 * under the name `gradientOf` gives it, and, if `below`, into `gradientOut`, that of its input.
 */
export function blockLearningGraph(model: Model, block: Block, below: boolean): GraphIR {
  const { hiddenSize } = model.config;
  const graph = new GraphBuilder(`block.${block.index}.learning`);
  const hidden = graph.input('hidden', 'float32', ['T', hiddenSize]);
  const gradient = graph.input('gradient', 'float32', ['T', hiddenSize]);
  const { hiddenOut } = differentiableBlock(model, block, hidden, {
    ...tableInputs(graph, ropeFor(block, model)),
    packing: packingOf(graph.input('pad', 'int32', ['B', 'S']), graph.input('unpad', 'int32', ['T'])),
  });
  const parameters = parametersIn(blockTensors(block)).map((tensor) => parameterInput(graph, tensor));
  const wrt = below ? [hidden, ...parameters] : parameters;
  const gradients = differentiate(graph, [{ value: hiddenOut, gradient }], wrt);
  for (const parameter of parameters) outputGradient(graph, parameter, gradients);
  if (below) graph.output('gradientOut', gradients.get(hidden)!, { onDevice: true });
  return graph.finish();
}

/** The embedding's gradient from that of the embedded tokens: `ids` int32 [T], `gradient` [T, H]. */
export function embedLearningGraph({ embed, config }: Model): GraphIR {
  const { multipliers } = config;
  const graph = new GraphBuilder('embed.learning');
  const ids = graph.input('ids', 'int32', ['T']);
  const gradient = graph.input('gradient', 'float32', ['T', config.hiddenSize]);
  for (const { name, shape } of parametersIn([embed])) {
    const rows = multipliers ? timesNumber(gradient, multipliers.embedding) : gradient;
    const sum = addRepeatedRows(zeros(graph, shape, 'float32'), cast(ids, 'int64'), rows);
    graph.output(gradientOf(name), sum);
  }
  return graph.finish();
}
