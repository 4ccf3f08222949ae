import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRng } from '@moepress/core';

/** Prompts of the generation job, about so many tokens each, and new tokens of each: the shape of GSM8K with its examples. */
export const generationJob = { prompts: 64, words: 600, newTokens: 128 } as const;

const words = ['the', 'of', 'and', 'to', 'in', 'is', 'was', 'for', 'on', 'that', 'with', 'as', 'by', 'at'];

/**
 * A task file whose documents are as long as GSM8K's with their examples and have nothing in common, and which asks for so many
 * new tokens that nothing ends sooner. Most tokenizers have a token for each of its words.
 */
export async function writeGenerationTask(
  folder: string,
  { prompts, newTokens }: { readonly prompts: number; readonly newTokens: number },
): Promise<string> {
  await mkdir(folder, { recursive: true });
  const rng = createRng(23);
  const text = () =>
    Array.from({ length: generationJob.words }, () => words[Math.floor(rng.next() * words.length)]).join(' ');
  const rows = Array.from({ length: prompts }, () => ({ text: text(), answer: 'nothing' }));
  await writeFile(join(folder, 'rows.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const file = join(folder, 'generation_job.yaml');
  const task = {
    task: 'generation_job',
    dataset_path: 'json',
    dataset_kwargs: { data_files: { test: join(folder, 'rows.jsonl') } },
    test_split: 'test',
    output_type: 'generate_until',
    doc_to_text: '{{text}}',
    doc_to_target: '{{answer}}',
    generation_kwargs: { until: ['<never>'], max_gen_toks: newTokens, do_sample: false },
    metric_list: [{ metric: 'exact_match' }],
    metadata: { version: 1 },
  };
  // JSON is YAML.
  await writeFile(file, JSON.stringify(task, null, 2));
  return file;
}
