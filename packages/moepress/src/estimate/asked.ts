import { generationDefaults } from '@moepress/checkpoint';
import type { Model, TokenSequence } from '@moepress/core';
import {
  evaluate as evaluateModel,
  findTasks,
  type TokenEngine,
  tokenizedLanguageModel,
} from '@moepress/harness';
import { asking, type EvaluateOptions } from '../evaluate.js';
import { checkChatSettings, withPrompts } from '../evaluation/chat-settings.js';
import { useTasks } from '../methods/use-plugins.js';
import { tokenizerOf } from '../models/companions.js';
import { workOf } from '../options.js';

/** Everything that tasks ask a model, in tokens. */
export interface Asked {
  readonly scored: readonly TokenSequence[];
  readonly prompts: readonly { readonly ids: readonly number[]; readonly newTokens: number }[];
}

/** Asks a model that answers nothing, and keeps the questions. Throws what `evaluate` throws before it computes. */
export async function askedOf(model: Model, options: EvaluateOptions): Promise<Asked> {
  await useTasks(options.tasks, options);
  const work = workOf(options);
  const tasks = await findTasks(options.tasks, { includePath: options.includePath, signal: work.signal });
  checkChatSettings(options);
  const scored: TokenSequence[] = [];
  const prompts: { ids: readonly number[]; newTokens: number }[] = [];
  const engine: TokenEngine = {
    maxLength: model.config.maxPositions,
    async score(items) {
      scored.push(...items);
      return items.map(() => ({ logprob: -1, isGreedy: false }));
    },
    async generate(asked, { maxNewTokens }) {
      for (const ids of asked) prompts.push({ ids, newTokens: maxNewTokens });
      return asked.map(() => []);
    },
  };
  const recorder = tokenizedLanguageModel({
    tokenizer: await tokenizerOf(model),
    engine,
    name: model.id,
    addBos: options.addBos ?? null,
    thinkEndToken: options.thinkEndToken,
    eosTokenIds: model.config.eosTokenIds,
    ownLimit: () => generationDefaults(model).maxNewTokens,
  });
  await withPrompts(model, options, (own) =>
    evaluateModel({ ...asking({ ...options, tasks }), ...own, model: recorder, work }),
  );
  return { scored, prompts };
}
