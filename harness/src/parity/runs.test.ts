import { sharedDatasets } from '@moepress/reference';
import { beforeAll, describe, expect, it } from 'vitest';
import { evaluate } from '../evaluate.js';
import type { Evaluation } from '../results/results-files.js';
import { renderTable, type Tabulated } from '../results/results-table.js';
import { fakeModel } from '../testing/fake-model.js';
import { golden, goldenText, shared } from '../testing/reference.js';

const data = sharedDatasets();

const suite = [
  'arc_easy',
  'arc_challenge',
  'boolq',
  'hellaswag',
  'openbookqa',
  'piqa',
  'winogrande',
  'rte',
  'sglue_rte',
  'social_iqa',
  'mmlu',
];

/** The reference runs, and how many of their samples are on file. */
const runs = [
  { name: 'limit', tasks: ['arc_easy', 'piqa', 'gsm8k'], sampled: 11, limit: 10 },
  { name: 'gsm8k', tasks: ['gsm8k', 'gsm8k_cot'], sampled: 5 },
  { name: 'wikitext', tasks: ['wikitext'], sampled: 3 },
  { name: 'suite0shot', tasks: suite, sampled: 32 },
] as const;

type Json = Record<string, unknown>;
type SampleLine = Json & { _task: string; doc_id: number; filter: string; prompt_hash: string };

interface GoldenResults extends Tabulated {
  configs: Json;
  [key: string]: unknown;
}

const goldenResults = (run: string) => JSON.parse(goldenText(`fake_lm_results_${run}.json`)) as GoldenResults;

/** `actual` without what the golden file leaves out: values that vary, and Python sources. */
function comparable(actual: unknown, reference: unknown): unknown {
  if (typeof reference === 'string' && /^<.*>$/.test(reference)) return reference;
  if (reference === null || typeof reference !== 'object' || Array.isArray(reference)) return actual;
  const keys = new Set([...Object.keys(reference), ...Object.keys(actual as Json)]);
  return Object.fromEntries(
    [...keys]
      .map((key) => [key, comparable((actual as Json)?.[key], (reference as Json)[key])])
      .filter(([, value]) => value !== undefined),
  );
}

describe.runIf(shared).each(runs)('the run $name of lm-evaluation-harness', (run) => {
  const { name, tasks } = run;
  let evaluation: Evaluation;
  beforeAll(async () => {
    const { rows } = await data.rows({ path: 'openai/gsm8k', config: 'main' }, 'test');
    const answers = new Map(rows.map(({ question, answer }) => [String(question), String(answer)]));
    const limit = 'limit' in run ? run.limit : undefined;
    evaluation = await evaluate({ tasks, model: fakeModel(answers), data, limit });
  });

  it('has the same results file, to the last bit of every number', () => {
    const reference = goldenResults(name);
    expect(comparable(evaluation.record, reference)).toEqual(reference);
  });

  it('has the same samples', () => {
    const samples = Object.entries(evaluation.samples).flatMap(([task, list]) =>
      list.map((sample) => ({ _task: task, ...sample })),
    );
    const key = ({ _task, doc_id, filter, prompt_hash }: SampleLine) =>
      [_task, doc_id, filter, prompt_hash].join();
    const own = new Map(samples.map((sample) => [key(sample), sample]));
    // Half of the file of gsm8k are lines of gsm8k_cot once more, under the wrong name.
    const lines = golden<SampleLine>(`fake_lm_samples_${name}.jsonl`).filter((line) => own.has(key(line)));
    expect(lines).toHaveLength(run.sampled);
    for (const line of lines) {
      const sample = own.get(key(line))!;
      // Pages are cut in the file.
      const { doc, target, arguments: given } = line._task === 'wikitext' ? line : sample;
      expect({ ...sample, doc, target, arguments: given }).toEqual(line);
    }
  });

  it('prints the same table', () => {
    expect(renderTable(evaluation.record).trimEnd()).toBe(goldenText(`fake_lm_table_${name}.md`).trimEnd());
  });
});
