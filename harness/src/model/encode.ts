import { encodeAll, MoepressError, type Tokenizer } from '@moepress/core';
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
    hint: 'Name one as bos_token or eos_token.',
  });
}

/**
 * Ids of texts, in their order, of equal texts once; in another thread where the tokenizer has one. Throws `ABORTED`.
 */
export async function encode(
  { tokenizer, addBos }: Encoding,
  texts: readonly string[],
  signal?: AbortSignal,
): Promise<(readonly number[])[]> {
  const distinct = [...new Set(texts)];
  const isBare = (text: string) => addBos === false || startsWithPrefix(tokenizer, text);
  const bare = distinct.filter(isBare);
  const framed = distinct.filter((text) => !isBare(text));
  const bareIds = await encodeAll(tokenizer, bare, { addSpecialTokens: false, signal });
  const framedIds = await encodeAll(tokenizer, framed, { signal });
  const bos = tokenizer.bosTokenId;
  const begun = framedIds.map((ids) => (addBos && bos !== null && ids[0] !== bos ? [bos, ...ids] : ids));
  const idsOf = new Map([
    ...bare.map((text, i) => [text, bareIds[i]!] as const),
    ...framed.map((text, i) => [text, begun[i]!] as const),
  ]);
  return texts.map((text) => idsOf.get(text)!);
}

/** A text that begins with the BOS itself gets no second one. */
function startsWithPrefix(tokenizer: Tokenizer, text: string): boolean {
  const { bosTokenId, eosTokenId } = tokenizer;
  const token = bosTokenId ?? eosTokenId;
  if (token === null) return false;
  const prefix = tokenizer.decode([token], { skipSpecialTokens: false });
  return prefix !== '' && text.startsWith(prefix);
}

/** A text and what follows it. */
export interface TextPair {
  readonly context: string;
  readonly continuation: string;
}

/**
 * Ids of contexts and of their continuations. Blanks that end a context go to the continuation, the
 * whole is encoded at once, and as many ids as the context alone has count as context, even where a
 * merge reaches across the border. An empty context becomes the prefix token. Throws `ABORTED`.
 */
export async function encodePairs(
  encoding: Encoding,
  pairs: readonly TextPair[],
  signal?: AbortSignal,
): Promise<EncodedPair[]> {
  const hasContext = ({ context }: TextPair) => context !== '';
  const whole = pairs.filter(hasContext);
  const texts = whole.flatMap(({ context, continuation }) => [rstrip(context), context + continuation]);
  const ids = await encode(encoding, texts, signal);
  const bare = pairs.filter((pair) => !hasContext(pair)).map(({ continuation }) => continuation);
  const bareIds = await encodeAll(encoding.tokenizer, bare, { addSpecialTokens: false, signal });
  let [next, nextBare] = [0, 0];
  return pairs.map((pair) => {
    if (!hasContext(pair)) return withoutContext(encoding.tokenizer, bareIds[nextBare++]!);
    const [contextIds, all] = [ids[next++]!, ids[next++]!];
    return { context: contextIds, continuation: all.slice(contextIds.length) };
  });
}

function withoutContext(tokenizer: Tokenizer, ids: readonly number[]): EncodedPair {
  const prefix = prefixToken(tokenizer);
  return { context: [prefix], continuation: ids[0] === prefix ? ids.slice(1) : ids };
}
