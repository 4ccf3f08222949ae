import { MoepressError, type Tokenizer } from '@moepress/core';
import { rstrip } from '../python/text.js';

/**
 * How text becomes ids. `addBos`: null leaves it to the tokenizer (lm-evaluation-harness since
 * 0.4.9.2), true makes sure of a BOS, false adds no special tokens at all (its older default).
 */
export interface Encoding {
  readonly tokenizer: Tokenizer;
  readonly addBos: boolean | null;
}

export interface EncodedPair {
  readonly context: readonly number[];
  readonly continuation: readonly number[];
}

/** What the first token of a text is conditioned on: BOS, else end-of-text. */
export function prefixToken({ bosTokenId, eosTokenId }: Tokenizer): number {
  const token = bosTokenId ?? eosTokenId;
  if (token !== null) return token;
  throw new MoepressError('INPUT_INVALID', {
    message: 'The tokenizer has neither a BOS nor an end-of-text token to condition a text on.',
    where: 'tokenizer_config.json',
    mend: 'Name one as bos_token or eos_token.',
  });
}

export function encode({ tokenizer, addBos }: Encoding, text: string): number[] {
  if (addBos === false || startsWithPrefix(tokenizer, text)) {
    return tokenizer.encode(text, { addSpecialTokens: false });
  }
  const ids = tokenizer.encode(text);
  const bos = tokenizer.bosTokenId;
  return addBos && bos !== null && ids[0] !== bos ? [bos, ...ids] : ids;
}

/** A text that spells out the BOS gets no second one. */
function startsWithPrefix(tokenizer: Tokenizer, text: string): boolean {
  const { bosTokenId, eosTokenId } = tokenizer;
  const token = bosTokenId ?? eosTokenId;
  if (token === null) return false;
  const prefix = tokenizer.decode([token], { skipSpecialTokens: false });
  return prefix !== '' && text.startsWith(prefix);
}

/**
 * Ids of a context and of its continuation. Blanks that end the context go to the continuation, the
 * whole is encoded at once, and the first `encode(context).length` ids count as context, even where a
 * merge reaches across the border. An empty context becomes the prefix token.
 */
export function encodePair(encoding: Encoding, context: string, continuation: string): EncodedPair {
  if (context === '') return encodeWithoutContext(encoding.tokenizer, continuation);
  const kept = rstrip(context);
  const contextIds = encode(encoding, kept);
  const whole = encode(encoding, context + continuation);
  return { context: contextIds, continuation: whole.slice(contextIds.length) };
}

function encodeWithoutContext(tokenizer: Tokenizer, continuation: string): EncodedPair {
  const prefix = prefixToken(tokenizer);
  const ids = tokenizer.encode(continuation, { addSpecialTokens: false });
  return { context: [prefix], continuation: ids[0] === prefix ? ids.slice(1) : ids };
}
