import { type Model, rowParts, type Value } from '@moepress/core';
import {
  add,
  argMax,
  cast,
  clip,
  equal,
  GraphBuilder,
  type GraphIR,
  gather,
  gatherElements,
  gatherNd,
  join,
  linear,
  plusNumber,
  reduceLogSumExp,
  reduceMax,
  reduceSum,
  rmsNorm,
  squeeze,
  storedWeight,
  sub,
  unsqueeze,
  weight,
  where,
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
  const { graph, parts } = head(model, 'score');
  const pairs = graph.input('pairs', 'int64', ['Q', 2]);
  const column = (i: number) => gather(pairs, graph.constant([i], [], 'int64'), 1);
  const [places, tokens] = [column(0), column(1)];
  const normaliser = gather(
    reduceLogSumExp(
      beside(parts, ({ logits }) => reduceLogSumExp(logits, [1], true)),
      [1],
    ),
    places,
  );
  const { token, logit } = largest(parts);
  graph.output('logprob', sub(logitsOf(parts, places, tokens), normaliser));
  graph.output('best', cast(gather(token, places), 'int32'));
  graph.output('bestLogprob', sub(gather(logit, places), normaliser));
  return graph.finish();
}

/** `logits` [R, vocabulary] at chosen rows. */
export function logitsHeadGraph(model: Model): GraphIR {
  const { graph, parts } = head(model, 'logits');
  graph.output(
    'logits',
    beside(parts, ({ logits }) => logits),
  );
  return graph.finish();
}

/** The most probable next token after each chosen row, `token` int32 [R]; `finite` as in `blockGraph`. */
export function nextTokenHeadGraph(model: Model): GraphIR {
  const { graph, parts } = head(model, 'next-token');
  graph.output('token', cast(largest(parts).token, 'int32'));
  graph.output('finite', finiteSum(parts));
  return graph.finish();
}

/** The logits of some neighbouring tokens. */
export interface LogitsPart {
  /** [R, tokens] */
  readonly logits: Value;
  /** The first of the tokens. */
  readonly start: number;
}

/**
 * Numbers of the head's weights that are converted at once: what becomes of them, 8 MiB in fp32, is multiplied while it is
 * in a core's cache, and a vocabulary of 150,000 tokens takes no gigabyte.
 */
const partNumbers = 2 ** 21;

/** Final norm and head on all rows of `hidden` [R, H], some tokens of the vocabulary at a time. */
export function logitsParts(hidden: Value, { config, finalNorm, head }: Model): LogitsPart[] {
  const graph = hidden.graph as GraphBuilder;
  const normed = rmsNorm(hidden, weight(graph, finalNorm), config.rmsNormEps);
  let start = 0;
  return rowParts(head, Math.ceil(partNumbers / config.hiddenSize)).map((part) => {
    const logits = graph.exactly(() => linear(normed, weight(graph, part)));
    const own = { logits, start };
    start += part.shape[0]!;
    return own;
  });
}

/** The largest logit of each row, [R], and whose it is, int64 [R]; the first of equals. */
export function largest(parts: readonly LogitsPart[]): { token: Value; logit: Value } {
  const tops = beside(parts, ({ logits }) => reduceMax(logits, [1], true));
  const tokens = beside(parts, ({ logits, start }) => plusNumber(unsqueeze(argMax(logits, 1), 1), start));
  const part = unsqueeze(argMax(tops, 1), 1);
  const pick = (all: Value) => squeeze(gatherElements(all, part, 1), 1);
  return { token: pick(tokens), logit: pick(tops) };
}

/** NaN or infinity if any logit is. */
export const finiteSum = (parts: readonly LogitsPart[]): Value =>
  reduceSum(
    beside(parts, ({ logits }) => reduceSum(logits, [1], true)),
    [0, 1],
  );

/** The logits of tokens int64 [Q] at places int64 [Q]. */
function logitsOf(parts: readonly LogitsPart[], places: Value, tokens: Value): Value {
  const found = parts.map(({ logits, start }) => {
    const last = Number(logits.shape[1]) - 1;
    const token = plusNumber(tokens, -start);
    const within = clip(token, 0, last);
    const logit = gatherNd(logits, join([unsqueeze(places, 1), unsqueeze(within, 1)], 1));
    return where(equal(token, within), logit, logits.graph.constant([0], [], 'float32'));
  });
  return found.reduce((sum, part) => add(sum, part));
}

/** What each part has, side by side. */
const beside = (parts: readonly LogitsPart[], of: (part: LogitsPart) => Value): Value =>
  join(parts.map(of), 1);

function head(model: Model, name: string): { graph: GraphBuilder; parts: readonly LogitsPart[] } {
  const graph = new GraphBuilder(`head.${name}`);
  const hidden = graph.input('hidden', 'float32', ['T', model.config.hiddenSize]);
  const rows = graph.input('rows', 'int32', ['R']);
  return { graph, parts: logitsParts(gather(hidden, rows), model) };
}
