import { type DecoderConfig, type Model, rowParts, type Value } from '@moepress/core';
import {
  add,
  argMax,
  cast,
  clip,
  columnProduct,
  columnsOf,
  concat,
  eachPart,
  equal,
  GraphBuilder,
  type GraphIR,
  gather,
  gatherElements,
  gatherNd,
  linear,
  plusNumber,
  reduceLogSumExp,
  reduceMax,
  reduceSum,
  reshape,
  sigmoid,
  slice,
  split,
  squeeze,
  sub,
  timesNumber,
  unsqueeze,
  type WeightParts,
  weight,
  weightParts,
  where,
} from '@moepress/graph';
import { finalNormOf } from './norm.js';
import { weightFor } from './weights.js';

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
  const [tops, winners, sums, wanted] = perPart(parts, (part) => [
    ...topOf(part),
    reduceLogSumExp(part.logits, [1]),
    logitsOf(part, places, tokens),
  ]);
  const normaliser = gather(reduceLogSumExp(sums!, [0]), places);
  const { token, logit } = largest(tops!, winners!);
  graph.output('logprob', sub(reduceSum(wanted!, [0]), normaliser));
  graph.output('best', cast(gather(token, places), 'int32'));
  graph.output('bestLogprob', sub(gather(logit, places), normaliser));
  return graph.finish();
}

/** `logits` [R, vocabulary] at chosen rows. */
export function logitsHeadGraph(model: Model): GraphIR {
  const { graph, parts } = head(model, 'logits');
  graph.output(
    'logits',
    concat(
      parts.map(({ logits }) => logits),
      1,
    ),
  );
  return graph.finish();
}

/** The most probable next token after each chosen row, `token` int32 [R]; `finite` as in `blockGraph`. */
export function nextTokenHeadGraph(model: Model): GraphIR {
  const { graph, hidden } = asked(model, 'next-token');
  outputNextTokens(finalNormed(hidden, model), model);
  return graph.finish();
}

/** See `nextTokenHeadGraph`; the rows are all of `normed` [R, H], after the final norm. */
export function outputNextTokens(normed: Value, model: Model): void {
  const { graph } = normed;
  const parts = graph.fewRows === null || model.headBias ? null : weightParts(model.head);
  const [tops, winners, sums] = parts
    ? topsOfFew(normed, parts)
    : perPart(logitsParts(normed, model), (part) => [...topOf(part), reduceSum(part.logits, [1])]);
  graph.output('token', cast(largest(tops!, winners!).token, 'int32'));
  graph.output('finite', reduceSum(sums!, [0, 1]));
}

/** What `perPart` makes of `topOf` and the sum of each part's logits, for few rows of `normed` [R, H]. */
function topsOfFew(normed: Value, parts: WeightParts): Value[] {
  const { graph } = normed;
  const columns = columnsOf(normed);
  const of = (part: Value) => {
    const logits = columnProduct(part, columns);
    return [reduceMax(logits, [1]), cast(argMax(logits, 1), 'float32'), reduceSum(logits, [1])];
  };
  const rows = normed.shape[0]!;
  const count = parts.parts;
  const stacked = eachPart(graph, parts, of).map((value) => reshape(value, [count, -1], [count, rows]));
  const starts = Array.from({ length: count }, (_, i) => i * parts.rows);
  stacked[1] = add(stacked[1]!, graph.constant(starts, [count, 1], 'float32'));
  if (!parts.rest) return stacked;
  const rest = of(weight(graph, parts.rest)).map((value) => reshape(value, [1, -1], [1, rows]));
  rest[1] = plusNumber(rest[1]!, count * parts.rows);
  return stacked.map((value, i) => concat([value, rest[i]!], 0));
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

/** The head on all rows of `normed` [R, H], some tokens of the vocabulary at a time. */
function logitsParts(normed: Value, { config, head, headBias }: Model): LogitsPart[] {
  const { graph } = normed;
  let start = 0;
  return rowParts(head, Math.ceil(partNumbers / config.hiddenSize)).map((part) => {
    const end = start + part.shape[0]!;
    const bias = headBias ? slice(weightFor(normed, headBias), 0, start, end) : null;
    const logits = graph.exactly(() => linear(normed, weight(graph, part), bias));
    const own = { logits: capped(logits, config), start };
    start = end;
    return own;
  });
}

/**
 * What `of` makes of each part, vectors [n] in fp32, one part under the other: [parts, n] each. All of a part go through
 * one node, because the engine would otherwise keep the logits of all parts for the vectors that it takes last.
 */
function perPart(parts: readonly LogitsPart[], of: (part: LogitsPart) => readonly Value[]): Value[] {
  const vectors = parts.map(of);
  const all = concat(
    vectors.map((own) => unsqueeze(concat(own, 0), 0)),
    0,
  );
  return split(
    all,
    1,
    vectors[0]!.map((vector) => unsqueeze(vector, 0)),
  );
}

/** The largest logit of each row in a part and whose it is, [R] each; the first of equals. */
function topOf({ logits, start }: LogitsPart): [Value, Value] {
  // Token numbers are far below 2^24, up to which fp32 is exact.
  return [reduceMax(logits, [1]), plusNumber(cast(argMax(logits, 1), 'float32'), start)];
}

/** The largest of all parts' [parts, R], and whose it is, int64, [R] each. */
function largest(tops: Value, winners: Value): { token: Value; logit: Value } {
  const part = unsqueeze(argMax(tops, 0), 0);
  const pick = (all: Value) => squeeze(gatherElements(all, part, 0), 0);
  return { token: cast(pick(winners), 'int64'), logit: pick(tops) };
}

/** The logits of tokens int64 [Q] at places int64 [Q], 0 for those of other parts. */
function logitsOf({ logits, start }: LogitsPart, places: Value, tokens: Value): Value {
  const token = plusNumber(tokens, -start);
  const within = clip(token, 0, Number(logits.shape[1]) - 1);
  const logit = gatherNd(logits, concat([unsqueeze(places, 1), unsqueeze(within, 1)], 1));
  return where(equal(token, within), logit, logits.graph.constant([0], [], 'float32'));
}

/** What the head is multiplied with. */
export function finalNormed(
  hidden: Value,
  model: Pick<Model, 'config' | 'finalNorm' | 'finalNormBias'>,
): Value {
  return scaledForLogits(finalNormOf(hidden, model), model.config);
}

/** cap tanh(l / cap) = 2 cap sigmoid(2 l / cap) - cap */
export function capped(logits: Value, { logitCap: cap }: DecoderConfig): Value {
  if (cap === undefined) return logits;
  return plusNumber(timesNumber(sigmoid(timesNumber(logits, 2 / cap)), 2 * cap), -cap);
}

/** Where logits are multiplied, so is what goes into the head, which has fewer numbers. */
export function scaledForLogits(x: Value, { multipliers }: DecoderConfig): Value {
  return multipliers ? timesNumber(x, multipliers.logits) : x;
}

/** Chosen `rows` int32 [R] of `hidden` [T, H]. */
function asked(model: Model, name: string): { graph: GraphBuilder; hidden: Value } {
  const graph = new GraphBuilder(`head.${name}`);
  const hidden = graph.input('hidden', 'float32', ['T', model.config.hiddenSize]);
  return { graph, hidden: gather(hidden, graph.input('rows', 'int32', ['R'])) };
}

function head(model: Model, name: string): { graph: GraphBuilder; parts: readonly LogitsPart[] } {
  const { graph, hidden } = asked(model, name);
  return { graph, parts: logitsParts(finalNormed(hidden, model), model) };
}
