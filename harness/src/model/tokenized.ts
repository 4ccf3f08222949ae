import { decodeAll, type Tokenizer, type Work } from '@moepress/core';
import { lstrip } from '../python/text.js';
import { countCuts, truncatePrompt } from './context-window.js';
import { type Encoding, encode } from './encode.js';
import type { LanguageModel, Prompt, TokenEngine } from './language-model.js';
import { generateInGroups, inOrder, longestFirst } from './request-order.js';
import { cutAnswer, stopDetector, stopSequences } from './stops.js';
import { textScoring } from './text-scoring.js';

export interface TokenizedModelOptions {
  readonly tokenizer: Tokenizer;
  readonly engine: TokenEngine;
  readonly name: string;
  /** null (default): as the tokenizer does by itself; true: always a BOS; false: no special tokens. */
  readonly addBos?: boolean | null;
  /** Tokens that end generation; the tokenizer's end-of-text by default. */
  readonly eosTokenIds?: readonly number[];
  /**
   * Called before anything is generated: returns tokens after which the model's own settings end a text, in addition
   * to the stops of the request, or null. May throw for settings that cannot be followed.
   */
  readonly ownLimit?: () => number | null;
  /** What the model is compared with, whose engine then tells how far each token has moved. */
  readonly against?: string | undefined;
  /** Where the model's thinking ends, such as `</think>` or the id of a token; only what follows it is the answer. */
  readonly thinkEndToken?: string | number | null | undefined;
}

/**
 * A model that scores and generates ids, asked in text, by the rules of lm-evaluation-harness' Hugging
 * Face backend: how pairs are encoded, cut, ordered and, after generation, decoded.
 */
export function tokenizedLanguageModel(options: TokenizedModelOptions): LanguageModel {
  const { tokenizer, engine, addBos = null, thinkEndToken = null } = options;
  const encoding: Encoding = { tokenizer, addBos };
  const cuts = countCuts(engine.maxLength);
  const endOfText = tokenizer.eosTokenId;
  const eosTokenIds = options.eosTokenIds ?? (endOfText === null ? [] : [endOfText]);
  const eosText = endOfText === null ? null : tokenizer.decode([endOfText], { skipSpecialTokens: false });

  const generate = async (prompts: readonly Prompt[], work?: Work): Promise<string[]> => {
    const { until, maxGenTokens, sampling } = prompts[0]!;
    const maxNewTokens = options.ownLimit?.() ?? maxGenTokens;
    const contexts = prompts.map(({ context }) => context);
    const ids = (await encode(encoding, contexts, work?.signal)).map((whole) => {
      const cut = truncatePrompt(whole, engine.maxLength, maxGenTokens);
      cuts.note(whole.length, cut.length);
      return cut;
    });
    const stops = stopSequences(until, eosText);
    const stop = stopDetector(tokenizer, stops);
    const generated = await inOrder(ids, longestFirst(ids), (sorted) =>
      engine.generate(sorted, { ...work, maxNewTokens, stop, eosTokenIds, ...(sampling && { sampling }) }),
    );
    const isId = typeof thinkEndToken === 'number';
    const answers = isId ? generated.map((ids) => ids.slice(ids.lastIndexOf(thinkEndToken) + 1)) : generated;
    const texts = await decodeAll(tokenizer, answers, { signal: work?.signal });
    return texts.map((text) =>
      isId ? cutAnswer(lstrip(text), stops, null) : cutAnswer(text, stops, thinkEndToken),
    );
  };

  return {
    name: options.name,
    against: options.against,
    settings: {
      add_bos_token: addBos,
      max_length: engine.maxLength,
      ...(thinkEndToken !== null && { think_end_token: thinkEndToken }),
    },
    ...textScoring(encoding, engine, cuts),
    warnings: cuts.warnings,

    generateUntil: (prompts, work) => generateInGroups(prompts, generate, work),
  };
}
