/** How byte-level tokenizers split texts into words, by the names that llama.cpp has for it (`tokenizer.ggml.pre`). */
export interface Splitting {
  /** null: that of GPT-2, which the byte-level step has in itself. */
  readonly pattern: string | null;
  readonly normalizer?: 'NFC';
}

const contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const rest = String.raw` ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
const byDigit = String.raw`${contractions}|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|${rest}`;
const byThreeDigits = String.raw`${contractions}|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|${rest}`;
const upper = String.raw`[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`;
const lower = String.raw`[\p{Ll}\p{Lm}\p{Lo}\p{M}]`;
const byCase = [
  String.raw`[^\r\n\p{L}\p{N}]?${upper}*${lower}+${contractions}?`,
  String.raw`[^\r\n\p{L}\p{N}]?${upper}+${lower}*${contractions}?`,
  String.raw`\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
].join('|');

const gpt2: Splitting = { pattern: null };
const qwen: Splitting = { pattern: byDigit, normalizer: 'NFC' };
const llama3: Splitting = { pattern: byThreeDigits };
const gpt4o: Splitting = { pattern: byCase };

export const splittings: Readonly<Record<string, Splitting>> = {
  'gpt-2': gpt2,
  olmo: { ...gpt2, normalizer: 'NFC' },
  qwen2: qwen,
  'deepseek-r1-qwen': qwen,
  'llama-bpe': llama3,
  'llama-v3': llama3,
  llama3,
  dbrx: llama3,
  'smaug-bpe': llama3,
  glm4: llama3,
  'chatglm-bpe': llama3,
  'gpt-4o': gpt4o,
  llama4: gpt4o,
};
