import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { tokenizerFiles } from '@moepress/checkpoint';
import type { Model, Progress } from '@moepress/core';
import { type AnswerStore, type LanguageModel, type ModelIdentity, openAnswerStore } from '@moepress/harness';
import { defaultEvidenceRoot, modelIdentity } from '@moepress/runtime';
import { storeFolder } from '../output.js';

/** Folder of answers, absent for the default one, false for none. */
export type AnswersChoice = string | false | undefined;

/** Beside the evidence. */
const defaultRoot = () => join(dirname(defaultEvidenceRoot()), 'answers');

/** The answers a local model gave before. Throws what `openAnswerStore` and reading the model's tensors throw. */
export async function openLocalAnswers(
  choice: AnswersChoice,
  model: Model,
  settings: LanguageModel['settings'],
  progress: Progress | undefined,
): Promise<AnswerStore | undefined> {
  const folder = await storeFolder(choice, defaultRoot(), 'Answers', progress);
  if (folder === null) return undefined;
  return openAnswerStore(folder, await localIdentity(model, settings));
}

/** Weights, plan and numbers version by what the evidence goes by, and what makes ids and answers of text. */
async function localIdentity(model: Model, settings: LanguageModel['settings']): Promise<ModelIdentity> {
  const { id, revision, config, source } = model;
  return {
    ...settings,
    id,
    revision,
    numbers: await modelIdentity(model),
    tokenizer: await hashFiles(source.directory, tokenizerFiles),
    eos_token_ids: config.eosTokenIds.join(),
    generation: JSON.stringify(source.generation),
  };
}

async function hashFiles(directory: string, names: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const name of names) hash.update(await readFile(join(directory, name)).catch(() => ''));
  return hash.digest('hex');
}
