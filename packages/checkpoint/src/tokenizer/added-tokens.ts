import type { JsonObject } from '../folder/json.js';
import type { AddedToken, SpecialTokens } from './special-tokens.js';

type Stored = AddedToken & { readonly id: number };

/**
 * tokenizer.json with more added tokens, as `add_tokens` of the tokenizers library does it: one that is in the
 * vocabulary keeps its id, a new one gets the next that is free, and a declared one changes the flags of its like.
 * Throws `TypeError` for an added token of tokenizer.json that is none.
 */
export function withAddedTokens(json: JsonObject, { declared, missing }: SpecialTokens): JsonObject {
  const model = json.model as { readonly vocab?: unknown } | null | undefined;
  const vocabulary = idsOf(model?.vocab);
  const tokens = new Map<string, Stored>();
  let next = vocabulary.size;
  for (const token of Array.isArray(json.added_tokens) ? (json.added_tokens as readonly Stored[]) : []) {
    if (typeof token?.content !== 'string' || !Number.isSafeInteger(token.id)) {
      throw new TypeError('an added token has no text or no id');
    }
    tokens.set(token.content, token);
    next = Math.max(next, token.id + 1);
  }
  const idOf = ({ content }: AddedToken) => tokens.get(content)?.id ?? vocabulary.get(content) ?? next++;
  for (const token of declared) tokens.set(token.content, { ...token, id: idOf(token) });
  for (const token of missing) {
    if (!tokens.has(token.content)) tokens.set(token.content, { ...token, id: idOf(token) });
  }
  return { ...json, added_tokens: [...tokens.values()] };
}

/** Ids by token, of a vocabulary that is an object (BPE) or a list of pieces with their scores (Unigram). */
function idsOf(vocab: unknown): ReadonlyMap<string, number> {
  if (Array.isArray(vocab)) return new Map(vocab.map((piece, id) => [String(piece?.[0]), id]));
  if (typeof vocab !== 'object' || vocab === null) return new Map();
  return new Map(Object.entries(vocab as Record<string, number>));
}
