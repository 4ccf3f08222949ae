import type { FilterPipeline } from '../tasks/filter-schema.js';
import type { ExactMatch, MetricName } from '../tasks/metric-schema.js';
import type { Contribution } from './aggregations.js';
import { type Answer, applyFilters } from './answer-filters.js';
import { exactMatch, passAtK } from './metrics.js';
import { mean } from './statistics.js';

/** Answers to a task's questions, with what they are scored by. Plain data: it may be scored in another thread. */
export interface AnswersToScore {
  readonly filters: readonly FilterPipeline[];
  readonly metrics: readonly ({ readonly metric: MetricName } | ExactMatch)[];
  readonly documents: readonly {
    readonly responses: readonly string[];
    /** The right answer, or several. */
    readonly gold: string | readonly string[];
    readonly choices?: unknown;
  }[];
}

/** The score of one document under one filter. */
export interface ScoredAnswer {
  readonly filtered: Answer;
  readonly contributions: readonly (Contribution & { readonly metric: MetricName })[];
}

/**
 * The scores of each document, one a filter, as `process_results` of lm-evaluation-harness 0.4.13 (api/task.py) computes
 * them for `generate_until`. Throws a `SyntaxError` for a pattern, and a `TypeError` for answers that cannot be scored.
 */
export function scoreAnswers({ filters, metrics, documents }: AnswersToScore): ScoredAnswer[][] {
  return documents.map(({ responses, gold, choices }) =>
    filters.map((pipeline) => {
      const filtered = applyFilters(pipeline, responses, choices);
      return { filtered, contributions: metrics.map((options) => contributionOf(options, filtered, gold)) };
    }),
  );
}

function contributionOf(
  options: AnswersToScore['metrics'][number],
  answer: Answer,
  gold: string | readonly string[],
): Contribution & { metric: MetricName } {
  const { metric } = options;
  if (metric === 'bypass') return { metric, value: 0, weight: 1 };
  if (metric === 'exact_match') {
    return { metric, value: matches(answer, gold, options as ExactMatch), weight: 1 };
  }
  const [, k] = /^pass@(\d+)$/.exec(metric) ?? [];
  if (k !== undefined) {
    return {
      metric,
      value: passed(answer, gold, { k: Number(k), options: options as ExactMatch }),
      weight: 1,
    };
  }
  if (typeof gold !== 'string') throw new TypeError(`${metric} takes a single right answer`);
  return { metric, value: 0, weight: 1, pair: [gold, onlyText(answer, metric)] };
}

/** Throws a `TypeError` where fewer than `k` answers are left. */
function passed(
  answer: Answer,
  gold: string | readonly string[],
  { k, options }: { readonly k: number; readonly options: ExactMatch },
): number {
  const given = (Array.isArray(answer) ? answer : [answer]) as readonly Answer[];
  if (given.length < k) throw new TypeError(`pass@${k} takes ${k} answers, and ${given.length} are there`);
  const right = given.filter((one) => matches(one, gold, options) > 0).length;
  return passAtK(given.length, right, k);
}

/** Several right answers: whether any matches. Several answers, which no filter chose from: the share that match. */
function matches(answer: Answer, gold: string | readonly string[], options: ExactMatch): number {
  const given = (Array.isArray(answer) ? answer : [answer]) as readonly Answer[];
  const score = (reference: string) =>
    mean(given.map((one) => (typeof one === 'string' ? exactMatch(one, reference, options) : 0)));
  if (typeof gold === 'string') return score(gold);
  return gold.some((reference) => score(reference) > 0) ? 1 : 0;
}

function onlyText(answer: Answer, metric: MetricName): string {
  const one = Array.isArray(answer) && answer.length === 1 ? (answer[0] as Answer) : answer;
  if (typeof one === 'string') return one;
  throw new TypeError(`${metric} takes a text, and the filters leave something else`);
}
