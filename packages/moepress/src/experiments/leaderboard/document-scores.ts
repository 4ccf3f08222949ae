import { join } from 'node:path';
import { loadGroups, loadSamples, type Sample, tasksOfGroups } from '@moepress/harness';
import type { Metric } from '../metric.js';
import type { Cell } from './cell.js';

/** The score of each document by one metric, by `task:document`. */
export type DocumentScores = ReadonlyMap<string, number>;

/** Scores of documents by task or group; what a row has no documents of is not there. */
export type ScoresByTask = ReadonlyMap<string, DocumentScores>;

/**
 * Reads what the documents of cells scored, from the samples beside them, each file once. Samples that are not there or
 * not whole, as of cells that came without them, give nothing: then nothing is called significant.
 */
export class DocumentReader {
  readonly #out: string;
  readonly #known = new Map<string, Promise<ScoresByTask>>();

  /** `out`: the folder of the leaderboard. */
  constructor(out: string) {
    this.#out = out;
  }

  read(cell: Cell, metrics: readonly Metric[]): Promise<ScoresByTask> {
    const key = [cell.results, ...metrics.map(({ task, key }) => `${task} ${key}`)].join('\n');
    const found =
      this.#known.get(key) ?? readScores(join(this.#out, cell.results), metrics).catch(() => new Map());
    this.#known.set(key, found);
    return found;
  }
}

async function readScores(results: string, metrics: readonly Metric[]): Promise<ScoresByTask> {
  const samples = await loadSamples(results);
  const groups = tasksOfGroups(await loadGroups(results));
  return new Map(
    metrics.flatMap(({ task, key }) => {
      const [metric, filter] = key.split(',') as [string, string];
      const members = task in samples ? [task] : (groups.get(task) ?? []);
      const scores = members.flatMap((member) =>
        (samples[member] ?? [])
          .filter((sample) => sample.filter === filter)
          .flatMap((sample) => {
            const score = scoreOf(sample, metric);
            return score === null ? [] : [[`${member}:${sample.doc_id}`, score] as const];
          }),
      );
      return scores.length === 0 ? [] : [[task, new Map(scores)] as const];
    }),
  );
}

/**
 * The number of a document; of a perplexity the log-likelihood of its text: between models of one tokenizer the one whose
 * sum is larger has the smaller perplexity.
 */
function scoreOf(sample: Sample, metric: string): number | null {
  const name = metric in sample ? metric : null;
  const value = name === null ? null : sample[name];
  const number = Array.isArray(value) ? value[0] : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : null;
}

/** The mean over several runs on the same documents, document by document; those that not all have are left out. */
export function meanScores(runs: readonly ScoresByTask[]): ScoresByTask {
  const [first, ...others] = runs;
  if (first === undefined || others.length === 0) return first ?? new Map();
  const means = [...first].map(([task, scores]) => {
    const all = others.map((run) => run.get(task));
    const shared = [...scores].filter(([document]) => all.every((run) => run?.has(document)));
    const mean = ([document, score]: readonly [string, number]) =>
      all.reduce((sum, run) => sum + run!.get(document)!, score) / runs.length;
    return [task, new Map(shared.map((entry) => [entry[0], mean(entry)]))] as const;
  });
  return new Map(means.filter(([, scores]) => scores.size > 0));
}
