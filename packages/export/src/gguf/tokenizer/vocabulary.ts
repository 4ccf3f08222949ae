import { ggufTokenTypes } from '@moepress/checkpoint';
import { MoepressError } from '@moepress/core';

/** Tokens by their ids, with what kind each is. */
export interface Vocabulary {
  readonly tokens: string[];
  readonly types: number[];
}

interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
}

/** tokenizer.json as far as it is read here. */
export interface TokenizerJson {
  readonly model: { readonly vocab: Readonly<Record<string, number>> };
  readonly added_tokens: readonly AddedToken[];
}

/**
 * The vocabulary of a tokenizer, as long as the embedding: ids without a token are unused ones. Special tokens are control
 * tokens, which are not printed; other added ones are the user's. Throws `TOKENIZER_MISSING` for ids beyond the embedding.
 */
export function readVocabulary(json: TokenizerJson, size: number, where: string): Vocabulary {
  const tokens = Array.from({ length: size }, (_, id) => `[PAD${id}]`);
  const types = new Array<number>(size).fill(ggufTokenTypes.unused);
  const put = (id: number, token: string, type: number) => {
    if (!Number.isInteger(id) || id < 0 || id >= size) {
      throw new MoepressError('TOKENIZER_MISSING', {
        message: `Token ${JSON.stringify(token)} has the id ${id}, and the model has embeddings for ${size} tokens.`,
        where,
        hint: 'Restore tokenizer.json and config.json from the same repository.',
      });
    }
    tokens[id] = token;
    types[id] = type;
  };
  for (const [token, id] of Object.entries(json.model.vocab)) put(id, token, ggufTokenTypes.normal);
  for (const { id, content, special } of json.added_tokens) {
    const isControl = special || looksSpecial(content);
    put(
      id,
      isControl ? content : content.replaceAll('▁', ' '),
      isControl ? ggufTokenTypes.control : ggufTokenTypes.userDefined,
    );
  }
  return { tokens, types };
}

/** Some repositories do not mark them. */
const looksSpecial = (content: string): boolean =>
  ['<pad>', '<mask>', '<2mass>', '[@BOS@]'].includes(content) ||
  /^<\|.*\|>$|^<｜.*｜>$|^<unused.*>$/s.test(content);

/** Merges, first the one that is applied first, as two parts with a space between; spaces within them are shown as Ġ. */
export function readMerges(merges: unknown): string[] {
  if (!Array.isArray(merges)) return [];
  return merges.map((merge) =>
    Array.isArray(merge) ? merge.map((part) => String(part).replaceAll(' ', 'Ġ')).join(' ') : String(merge),
  );
}
