import { dirname, join } from 'node:path';
import type { Model, MoepressError, Work } from '@moepress/core';
import {
  type LanguageModel,
  type ModelIdentity,
  openResponseCache,
  type ResponseCache,
} from '@moepress/harness';
import { defaultEvidenceRoot, isWriteError, modelIdentity } from '@moepress/runtime';
import { notKept, storeFolder } from '../files/output.js';
import { companionsHash } from '../models/companions.js';
import { type CacheOption, cacheFolder } from '../options.js';

/** A folder next to the evidence. */
const defaultRoot = () => join(dirname(defaultEvidenceRoot()), 'answers');

/**
 * The answers a local model gave before. Once its weights are others, further answers are refused with
 * `CHECKPOINT_CHANGED`. Throws what `openResponseCache` and `modelIdentity` throw.
 */
export async function openLocalResponses(
  cache: CacheOption | undefined,
  model: Model,
  settings: LanguageModel['settings'],
  work: Work,
): Promise<ResponseCache | undefined> {
  const choice = cacheFolder(cache, 'responses');
  const folder = await storeFolder(choice, defaultRoot(), 'Answers', work.progress);
  if (folder === null) return undefined;
  const { hash: numbers, checkUnchanged } = await modelIdentity(model, work);
  const store = await openResponseCache(folder, await localIdentity(model, numbers, settings));
  const giveUp = choice === undefined ? notKept('Answers', folder, work.progress) : null;
  return checkedStore(giveUp ? givenUp(store, giveUp) : store, checkUnchanged);
}

/** A cache that stores nothing more once its disk refuses to write, which is reported to `tell`. */
export function givenUp(store: ResponseCache, tell: (error: MoepressError) => void): ResponseCache {
  let isGivenUp = false;
  return {
    get: (request) => store.get(request),
    async add(answers) {
      if (isGivenUp) return;
      try {
        await store.add(answers);
      } catch (error) {
        if (!isWriteError(error)) throw error;
        isGivenUp = true;
        tell(error);
      }
    },
  };
}

/** A cache that stores nothing more once its files have changed: `checkUnchanged` throws then. */
export function checkedStore(store: ResponseCache, checkUnchanged: () => Promise<void>): ResponseCache {
  return {
    get: (request) => store.get(request),
    async add(answers) {
      await checkUnchanged();
      await store.add(answers);
    },
  };
}

/** Weights, plan and numbers version by what the evidence goes by, and what makes ids and answers of text. */
async function localIdentity(
  model: Model,
  numbers: string,
  settings: LanguageModel['settings'],
): Promise<ModelIdentity> {
  const { id, revision, config, source } = model;
  return {
    ...settings,
    id,
    revision,
    numbers,
    companions: await companionsHash(source.directory),
    eos_token_ids: config.eosTokenIds.join(),
    generation: JSON.stringify(source.generation),
  };
}
