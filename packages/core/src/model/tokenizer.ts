export interface EncodeOptions {
  /** Lets the tokenizer put its BOS or other framing around the text; default true. */
  readonly addSpecialTokens?: boolean;
}

export interface DecodeOptions {
  /** Leaves out tokens such as end-of-text; default true. */
  readonly skipSpecialTokens?: boolean;
}

/** Ends what is asked of a tokenizer when it fires. */
interface Stoppable {
  readonly signal?: AbortSignal | undefined;
}

/** Text to token ids and back, as the model's own tokenizer.json does it. */
export interface Tokenizer {
  readonly bosTokenId: number | null;
  readonly eosTokenId: number | null;
  encode(text: string, options?: EncodeOptions): number[];
  decode(ids: readonly number[], options?: DecodeOptions): string;
  /** `encode` of each text, of a tokenizer that works in another thread. Throws `ABORTED`. */
  encodeAll?(texts: readonly string[], options?: EncodeOptions & Stoppable): Promise<number[][]>;
  /** `decode` of each list of ids, likewise. */
  decodeAll?(lists: readonly (readonly number[])[], options?: DecodeOptions & Stoppable): Promise<string[]>;
}

/** Ids of each text, in another thread where the tokenizer has one, so that Ctrl-C is heard. */
export async function encodeAll(
  tokenizer: Tokenizer,
  texts: readonly string[],
  options: EncodeOptions & Stoppable = {},
): Promise<number[][]> {
  return tokenizer.encodeAll?.(texts, options) ?? texts.map((text) => tokenizer.encode(text, options));
}

/** The text of each list of ids, in another thread where the tokenizer has one. */
export async function decodeAll(
  tokenizer: Tokenizer,
  lists: readonly (readonly number[])[],
  options: DecodeOptions & Stoppable = {},
): Promise<string[]> {
  return tokenizer.decodeAll?.(lists, options) ?? lists.map((ids) => tokenizer.decode(ids, options));
}
