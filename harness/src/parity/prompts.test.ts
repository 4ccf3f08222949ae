import { createHash } from 'node:crypto';
import { sharedDatasets } from '@moepress/reference';
import { describe, expect, it } from 'vitest';
import { prepareTask } from '../evaluation/prepare-task.js';
import { countBytes, countWords } from '../metrics/metrics.js';
import type { ModelRequest } from '../requests/request.js';
import { findTask } from '../tasks/registry.js';
import { detokenise } from '../tasks/wikitext.js';
import { golden, shared } from '../testing/reference.js';

const data = sharedDatasets();
const prepare = (name: string, numFewshot: number, limit?: number) =>
  prepareTask(findTask(name), data, { numFewshot, limit }, {});

interface Pair {
  context: string;
  continuation: string;
}

interface ChoicePrompt {
  requests: (Pair & { idx: number })[];
  target: number | string;
  gold: number;
  choices: string[];
  choice_char_len: number[];
  doc: unknown;
}

interface GenerationPrompt {
  doc_id: number;
  context: string;
  gen_kwargs: { until: string[] };
  target: string;
  doc: unknown;
}

interface Page {
  page_sha256: string;
  detok_sha256: string;
  words: number;
  bytes: number;
}

interface FullHash {
  task: string;
  num_fewshot: number;
  n_docs: number;
  n_requests: number;
  sha256: string;
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** A request as the full hashes take it in. */
function hashed(request: ModelRequest): string {
  if (request.kind === 'loglikelihood') return `${request.context}\u001f${request.continuation}\u001e`;
  return `${request.kind === 'generate_until' ? request.context : request.text}\u001e`;
}

describe.runIf(shared)('the prompts of lm-evaluation-harness', () => {
  it.each([
    ['arc_challenge', 0],
    ['arc_easy', 0],
    ['arc_easy', 5],
    ['boolq', 0],
    ['hellaswag', 0],
    ['mmlu_abstract_algebra', 0],
    ['mmlu_abstract_algebra', 5],
    ['mmlu_high_school_us_history', 0],
    ['mmlu_high_school_us_history', 5],
    ['mmlu_professional_law', 0],
    ['openbookqa', 0],
    ['openbookqa', 5],
    ['piqa', 0],
    ['rte', 0],
    ['sglue_rte', 0],
    ['social_iqa', 0],
    ['winogrande', 0],
  ])('%s, %i-shot', async (name, shots) => {
    const lines = golden<ChoicePrompt>(`prompts_${name}_${shots}shot.jsonl`);
    const { task, questions } = await prepare(name, shots, lines.length);
    expect(questions).toHaveLength(lines.length);
    for (const [i, { document, requests }] of questions.entries()) {
      const line = lines[i]!;
      expect(JSON.stringify(document.row)).toBe(JSON.stringify(line.doc));
      expect(requests).toEqual(
        line.requests.map(({ context, continuation }) => ({ kind: 'loglikelihood', context, continuation })),
      );
      expect(task.doc_to_target.render(document.fields)).toBe(line.gold);
    }
  });

  it.each([
    ['gsm8k', 0],
    ['gsm8k', 5],
    ['gsm8k_cot', 8],
    ['gsm8k_cot_llama', 8],
    ['gsm8k_cot_zeroshot', 0],
  ])('%s, %i-shot', async (name, shots) => {
    const file = name.endsWith('zeroshot') ? name : `${name}_${shots}shot`;
    const lines = golden<GenerationPrompt>(`prompts_${file}.jsonl`);
    const { task, questions } = await prepare(name, shots, lines.length);
    expect(
      questions.map(({ document, requests }) => [
        document.row,
        task.doc_to_target.render(document.fields),
        ...requests,
      ]),
    ).toEqual(
      lines.map(({ doc, target, context, gen_kwargs }) => [
        doc,
        target,
        { kind: 'generate_until', context, until: gen_kwargs.until, maxGenTokens: 256 },
      ]),
    );
  });

  it('wikitext', async () => {
    const lines = golden<{ text: string }>('prompts_wikitext_rolling.jsonl');
    const { questions } = await prepare('wikitext', 0, lines.length);
    expect(questions.flatMap(({ requests }) => requests)).toEqual(
      lines.map(({ text }) => ({ kind: 'loglikelihood_rolling', text })),
    );
  });

  it('all pages of wikitext', async () => {
    const { questions } = await prepare('wikitext', 0);
    const pages = questions.map(({ document }) => document.row.page as string);
    expect(
      pages.map((page) => ({
        page_sha256: sha256(page),
        detok_sha256: sha256(detokenise(page)),
        words: countWords(page),
        bytes: countBytes(page),
      })),
    ).toEqual(
      golden<Page>('wikitext_pages.jsonl').map(({ page_sha256, detok_sha256, words, bytes }) => ({
        page_sha256,
        detok_sha256,
        words,
        bytes,
      })),
    );
  });

  const known = shared ? golden<FullHash>('full_request_hashes.jsonl') : [];
  it.each(known)(
    'every request of $task, $num_fewshot-shot',
    async ({ task, num_fewshot, n_docs, n_requests, sha256: hash }) => {
      const { questions } = await prepare(task, num_fewshot);
      const requests = questions.flatMap((question) => question.requests);
      expect([questions.length, requests.length]).toEqual([n_docs, n_requests]);
      expect(sha256(requests.map(hashed).join(''))).toBe(hash);
    },
  );
});
