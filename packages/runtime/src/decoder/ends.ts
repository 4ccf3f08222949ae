import type { Model, Value } from '@moepress/core';
import {
  argMax,
  cast,
  GraphBuilder,
  type GraphIR,
  gather,
  gatherNd,
  join,
  linear,
  reduceLogSumExp,
  reduceSum,
  rmsNorm,
  storedWeight,
  sub,
  unsqueeze,
  weight,
} from '@moepress/graph';

/** `ids` int32 [T] to `hidden` [T, H]. The processor picks the rows, so that no device needs the whole table. */
export function embedGraph(model: Model): GraphIR {
  const graph = new GraphBuilder('embed');
  const ids = graph.input('ids', 'int32', ['T']);
  const hidden = graph.onHost(() => cast(gather(storedWeight(graph, model.embed), ids), 'float32'));
  graph.output('hidden', hidden, { onDevice: true });
  return graph.finish();
}

/**
 * Final norm and language-model head at chosen `rows` int32 [R] of `hidden` [T, H]. For each of the
 * `pairs` int64 [Q, 2] of (place in rows, token): the token's log-probability `logprob` [Q], the most
 * probable token there, `best` int32 [Q], and its log-probability `bestLogprob` [Q]. Log-softmax runs in
 * the graph, so logits never leave it.
 */
export function scoringHeadGraph(model: Model): GraphIR {
  const { graph, logits } = head(model, 'score');
  const pairs = graph.input('pairs', 'int64', ['Q', 2]);
  const places = gather(pairs, graph.constant([0], [], 'int64'), 1);
  const normaliser = gather(reduceLogSumExp(logits, [1]), places);
  const best = gather(argMax(logits, 1), places);
  const bestPairs = join([unsqueeze(places, 1), unsqueeze(best, 1)], 1);
  graph.output('logprob', sub(gatherNd(logits, pairs), normaliser));
  graph.output('best', cast(best, 'int32'));
  graph.output('bestLogprob', sub(gatherNd(logits, bestPairs), normaliser));
  return graph.finish();
}

/** `logits` [R, vocabulary] at chosen rows. */
export function logitsHeadGraph(model: Model): GraphIR {
  const { graph, logits } = head(model, 'logits');
  graph.output('logits', logits);
  return graph.finish();
}

/** The most probable next token after each chosen row, `token` int32 [R]; `finite` as in `blockGraph`. */
export function nextTokenHeadGraph(model: Model): GraphIR {
  const { graph, logits } = head(model, 'next-token');
  graph.output('token', cast(argMax(logits, 1), 'int32'));
  graph.output('finite', reduceSum(logits, [0, 1]));
  return graph.finish();
}

function head(model: Model, name: string): { graph: GraphBuilder; logits: Value } {
  const graph = new GraphBuilder(`head.${name}`);
  const hidden = graph.input('hidden', 'float32', ['T', model.config.hiddenSize]);
  const rows = graph.input('rows', 'int32', ['R']);
  const normed = rmsNorm(gather(hidden, rows), weight(graph, model.finalNorm), model.config.rmsNormEps);
  return { graph, logits: graph.exactly(() => linear(normed, weight(graph, model.head))) };
}
