/** Text to token ids and back, as the model's own tokenizer.json does it. */
export interface Tokenizer {
  readonly bosTokenId: number | null;
  readonly eosTokenId: number | null;
  /** `addSpecialTokens` (default true) lets the tokenizer put its BOS or other framing around the text. */
  encode(text: string, options?: { readonly addSpecialTokens?: boolean }): number[];
  /** `skipSpecialTokens` (default true) leaves out tokens such as end-of-text. */
  decode(ids: readonly number[], options?: { readonly skipSpecialTokens?: boolean }): string;
}
