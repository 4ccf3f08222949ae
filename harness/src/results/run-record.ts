import { sha256 } from '@moepress/core';
import type { LanguageModel } from '../model/language-model.js';
import type { Movements } from '../movement/movement.js';
import { samplingSeed } from '../requests/generation.js';
import { fewshotSeed, type PromptOptions } from '../requests/prompts.js';

/** The version of lm-evaluation-harness whose prompts, scores and files these are. */
export const imitatedVersion = '0.5.0.dev1';
const imitatedCommit = '4e7e0d47';

export interface RunFacts extends PromptOptions {
  readonly model: LanguageModel;
  readonly limit?: number | undefined;
  readonly genKwargs?: Readonly<Record<string, unknown>> | undefined;
  readonly started: Date;
  readonly seconds: number;
  /** How far the model has moved from the one it is compared with, by task and group. */
  readonly movements?: Movements | undefined;
}

/** How the run was set up, in the words of lm-evaluation-harness' results files. */
export function runRecord({ model, limit, genKwargs, seed = samplingSeed, started }: RunFacts) {
  return {
    config: {
      model: model.name,
      model_args: model.settings ?? null,
      batch_size: null,
      batch_sizes: [],
      device: null,
      use_cache: null,
      limit: limit ?? null,
      bootstrap_iters: 100000,
      gen_kwargs: genKwargs ?? null,
      random_seed: 0,
      numpy_seed: 1234,
      torch_seed: seed,
      fewshot_seed: fewshotSeed,
    },
    git_hash: null,
    date: started.getTime() / 1000,
    pretty_env_info: `moepress on Node ${process.version}, ${process.platform} ${process.arch}; follows lm-evaluation-harness ${imitatedVersion} (${imitatedCommit})`,
    transformers_version: 'N/A',
    lm_eval_version: imitatedVersion,
    upper_git_hash: null,
  };
}

/** Characters that every file system takes in a name. */
const longestName = 200;

/**
 * The name of a folder for a model, as lm-evaluation-harness makes it; but a folder within another one, and a name that
 * can be written: `..` and what is very long or has unprintable characters, it takes as they are.
 */
function folderName(name: string): string {
  const clean = name.replace(/["<>:/|\\?*[\]]+/g, '__').replace(/\p{Cc}/gu, '_');
  const short = clean.length > longestName ? clean.slice(-longestName) : clean;
  return /^\.{0,2}$/.test(short) ? `${short}__` : short;
}

export function modelRecord({ model: { name }, systemInstruction, chat }: RunFacts) {
  const system = systemInstruction || null;
  const template = chat?.template.source ?? null;
  return {
    model_source: 'CUSTOM',
    model_name: name,
    model_name_sanitized: folderName(name),
    system_instruction: system,
    system_instruction_sha: system === null ? null : sha256(system),
    fewshot_as_multiturn: chat?.fewshotAsMultiturn ?? true,
    chat_template: template,
    chat_template_sha: template === null ? null : sha256(template),
    ...(chat?.templateArgs && { chat_template_args: chat.templateArgs }),
  };
}
