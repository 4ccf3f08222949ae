import type { Model, ParameterTensor, Value } from '@moepress/core';
import {
  addRows,
  cast,
  differentiate,
  expandLike,
  GraphBuilder,
  type GraphIR,
  gather,
  reduceSum,
  topK,
} from '@moepress/graph';
import { logitsOf, logSoftmax, type RowLoss } from './losses.js';
import { gradientOf, parameterInput } from './parameter.js';

/** The loss of some rows, `rows` int32 [R] of `hidden` [T, H]; `loss` float64 is their sum. */
export function lossGraph(hiddenSize: number, rowLoss: RowLoss): GraphIR {
  const { graph } = lossOf(hiddenSize, rowLoss);
  return graph.finish();
}

/**
 * The same backwards, each row's loss times `scale`: adds to `gradient` [T, H] what the rows contribute
 * to the gradient of the states, which makes `gradientOut`, and yields the gradients of the `parameters`
 * that the loss depends on, each under the name `gradientOf` gives it. No row may come twice.
 */
export function lossGradientGraph(
  hiddenSize: number,
  rowLoss: RowLoss,
  parameters: readonly ParameterTensor[] = [],
): GraphIR {
  const { graph, own, rows, losses } = lossOf(hiddenSize, rowLoss);
  const gradient = graph.input('gradient', 'float32', ['T', hiddenSize]);
  const seed = expandLike(graph.input('scale', 'float32', []), losses);
  const learning = parameters.map((parameter) => parameterInput(graph, parameter));
  // The head is one weight: converting it twice would save no memory.
  const gradients = differentiate(graph, [{ value: losses, gradient: seed }], [own, ...learning], {
    keepsWeights: true,
  });
  graph.output('gradientOut', addRows(gradient, rows, gradients.get(own)!), { onDevice: true });
  for (const parameter of learning) outputGradient(graph, parameter, gradients);
  return graph.finish();
}

/** Makes the gradient of a parameter an output, if it has one. */
export function outputGradient(
  graph: GraphBuilder,
  parameter: Value,
  gradients: ReadonlyMap<Value, Value>,
): void {
  const gradient = gradients.get(parameter);
  if (gradient) graph.output(gradientOf(parameter.name), gradient);
}

/**
 * What a teacher says at some rows: the `n` highest log-probabilities at a temperature, `logprobs` [R, n],
 * and the tokens they are of, `tokens` [R, n] in fp32.
 */
export function topTokensGraph(teacher: Model, n: number, temperature: number): GraphIR {
  const graph = new GraphBuilder('top-tokens');
  const hidden = graph.input('hidden', 'float32', ['T', teacher.config.hiddenSize]);
  const own = gather(hidden, graph.input('rows', 'int32', ['R']));
  const { values, indices } = topK(logSoftmax(logitsOf(own, teacher), temperature), n);
  graph.output('logprobs', values);
  graph.output('tokens', cast(indices, 'float32'));
  return graph.finish();
}

function lossOf(hiddenSize: number, rowLoss: RowLoss) {
  const graph = new GraphBuilder('loss');
  const hidden = graph.input('hidden', 'float32', ['T', hiddenSize]);
  const rows = graph.input('rows', 'int32', ['R']);
  const own = gather(hidden, rows);
  const losses = rowLoss(own, rows);
  graph.output('loss', reduceSum(cast(losses, 'float64'), [0]));
  return { graph, own, rows, losses };
}
