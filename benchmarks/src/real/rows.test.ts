import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { evaluate, type LanguageModel, openDatasets } from '@moepress/harness';
import { describe, expect, it, vi } from 'vitest';
import { prepareRows } from './rows.js';

/** Tasks, and examples before each of their questions. */
const asked = [
  [['arc_easy', 'hellaswag', 'wikitext'], 0],
  [['mmlu_astronomy', 'gsm8k'], 5],
] as const;

describe('prepareRows', () => {
  it('invents rows that the tasks accept, where there are none', async () => {
    vi.stubEnv('MOEPRESS_SHARED', '');
    const folder = await mkdtemp(join(tmpdir(), 'moepress-rows-'));
    try {
      const rows = await prepareRows(folder);
      expect(rows).toMatchObject({ folder: join(folder, 'invented'), published: false });
      // Nothing listens there: what is not in the folder is nowhere.
      vi.stubEnv('HF_ENDPOINT', 'http://127.0.0.1:1');
      const data = openDatasets({ data: rows.folder });
      const words: number[] = [];
      const model = counting(words);
      for (const [tasks, numFewshot] of asked) await evaluate({ tasks, model, data, limit: 6, numFewshot });
      expect(words).toHaveLength(6 * (4 + 4 + 1 + 4 + 1));
      expect(Math.min(...words)).toBeGreaterThan(5);
      expect(Math.max(...words)).toBeGreaterThan(1000);
    } finally {
      vi.unstubAllEnvs();
      await rm(folder, { recursive: true });
    }
  });
});

/** Answers everything alike, and notes how many words it is asked. */
function counting(words: number[]): LanguageModel {
  const note = (text: string) => words.push(text.split(/\s+/).length);
  return {
    name: 'counting',
    loglikelihood: async (pairs) =>
      pairs.map(({ context }) => {
        note(context);
        return { logprob: -1, isGreedy: false };
      }),
    loglikelihoodRolling: async (texts) => texts.map((text) => ({ logprob: -1, tokens: note(text) })),
    generateUntil: async (prompts) => prompts.map(({ context }) => `#### ${note(context)}`),
  };
}
