import { dirname, join, relative } from 'node:path';
import { type Comparison, renderComparisons, renderTable } from '@moepress/harness';
import { evaluate } from '../../evaluate.js';
import { writeWhole } from '../../files/output.js';
import { compareResults, saveResults } from '../../results/results.js';
import { type Job, jobOf, type Needed } from '../jobs/job.js';
import { scoresOf } from '../metric.js';
import type { Shared } from './job-options.js';
import { planFileOf } from './plan-of-job.js';
import type { RunRecipe } from './run-recipe-schema.js';

/** The job that scores a model, as a plan changes it if there is one. */
export function evaluateJob(
  {
    tasks,
    limit,
    num_fewshot: numFewshot,
    apply_chat_template: template,
  }: NonNullable<RunRecipe['evaluate']>,
  plan: Job | null,
  { base, address, compute }: Shared,
): Job {
  const questions = { tasks, limit, numFewshot, applyChatTemplate: template };
  return jobOf({
    kind: 'evaluate',
    title: plan ? 'evaluate the result' : 'evaluate the original',
    needs: plan ? [plan] : [],
    // JSON has no undefined.
    spec: { address, questions: JSON.parse(JSON.stringify(questions)) },
    async run(folder, needed, { signal, progress }) {
      const evaluation = await evaluate(base, {
        ...compute,
        ...questions,
        plan: needed[0] && planFileOf(needed[0]),
        signal,
        onProgress: progress,
      });
      const file = await saveResults(evaluation, folder);
      await writeWhole(join(folder, 'scores.md'), `${renderTable(evaluation.record)}\n`);
      return {
        files: { results: relative(folder, dirname(file)), scores: 'scores.md' },
        facts: { scores: scoresOf(evaluation.record) },
      };
    },
  });
}

/** The job that compares two evaluations, document by document. */
export const compareJob = (original: Job, result: Job): Job =>
  jobOf({
    kind: 'compare',
    title: 'compare with the original',
    needs: [original, result],
    spec: {},
    async run(folder, [first, second]) {
      const comparisons: Comparison[] = await compareResults(resultsOf(first!), resultsOf(second!));
      await writeWhole(join(folder, 'comparison.md'), `${renderComparisons(comparisons)}\n`);
      return { files: { comparison: 'comparison.md' }, facts: { comparisons } };
    },
  });

const resultsOf = ({ folder, files }: Needed): string => join(folder, files.results!);
