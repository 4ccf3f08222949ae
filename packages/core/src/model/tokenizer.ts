export interface EncodeOptions {
  /** Whether the tokenizer adds its special tokens, such as BOS, around the text; default true. */
  readonly addSpecialTokens?: boolean;
}

export interface DecodeOptions {
  /** Whether special tokens such as end-of-text are left out; default true. */
  readonly skipSpecialTokens?: boolean;
}

/** Stops the tokenizer's work when it fires. */
interface Stoppable {
  readonly signal?: AbortSignal | undefined;
}

/** Converts text to token ids and back, as the model's tokenizer.json specifies. */
export interface Tokenizer {
  readonly bosTokenId: number | null;
  readonly eosTokenId: number | null;
  encode(text: string, options?: EncodeOptions): number[];
  decode(ids: readonly number[], options?: DecodeOptions): string;
  /** `encode` for each text, in a tokenizer that works in another thread. Throws `ABORTED`. */
  encodeAll?(texts: readonly string[], options?: EncodeOptions & Stoppable): Promise<number[][]>;
  /** `decode` for each list of ids, likewise. */
  decodeAll?(lists: readonly (readonly number[])[], options?: DecodeOptions & Stoppable): Promise<string[]>;
}

/** Ids of each text, computed in another thread where the tokenizer has one, so that the process can handle Ctrl-C. */
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
