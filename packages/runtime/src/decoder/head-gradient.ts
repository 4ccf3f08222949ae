import type { Model } from '@moepress/core';
import {
  addRows,
  cast,
  differentiate,
  GraphBuilder,
  type GraphIR,
  gather,
  gatherNd,
  linear,
  mul,
  plusNumber,
  reduceLogSumExp,
  reduceSum,
  rmsNorm,
  scatterNdAdd,
  softmax,
  sub,
  zerosLike,
} from '@moepress/graph';
import { weightFor } from './weights.js';

/**
 * Final norm, head and cross-entropy backwards, for some rows of one sequence. `rows` int32 [R] are
 * places whose next token is scored, `pairs` int64 [R, 2] say (place in rows, next token), `scale` is
 * one over the number of scored tokens. Adds to `gradient` [T, H] what these rows contribute to the
 * gradient of the mean token cross-entropy; `loss` float64 is the sum of their negative
 * log-likelihoods.
 */
export function headGradientGraph(model: Model): GraphIR {
  const { hiddenSize, rmsNormEps } = model.config;
  const graph = new GraphBuilder('head.backward');
  const hidden = graph.input('hidden', 'float32', ['T', hiddenSize]);
  const gradient = graph.input('gradient', 'float32', ['T', hiddenSize]);
  const rows = graph.input('rows', 'int32', ['R']);
  const pairs = graph.input('pairs', 'int64', ['R', 2]);
  const scale = graph.input('scale', 'float32', []);

  const own = gather(hidden, rows);
  const normed = rmsNorm(own, weightFor(hidden, model.finalNorm), rmsNormEps);
  const logits = linear(normed, weightFor(hidden, model.head));
  // d loss / d logits = softmax - 1 at the next token.
  const picked = gatherNd(logits, pairs);
  const minusOnes = plusNumber(zerosLike(picked), -1);
  const seed = mul(scatterNdAdd(softmax(logits), pairs, minusOnes), scale);
  const gradients = differentiate(graph, [{ value: logits, gradient: seed }], [own]);
  graph.output('gradientOut', addRows(gradient, rows, gradients.get(own)!));
  const nll = sub(reduceLogSumExp(logits, [1]), picked);
  graph.output('loss', reduceSum(cast(nll, 'float64'), [0]));
  return graph.finish();
}
