/**
 * The small files that make a checkpoint usable: tokenizer, chat template, generation defaults,
 * licence, and the code of families that transformers does not ship, which moepress never runs.
 * They are downloaded with it and travel along when it is written again.
 */
const companions: readonly RegExp[] = [
  /^generation_config\.json$/,
  /^tokenizer.*\.(json|model)$/,
  /^(special_tokens_map|added_tokens|vocab|chat_template|preprocessor_config)\.json$/,
  /^(merges|vocab)\.txt$/,
  /^chat_template\.jinja$/,
  /^(configuration|modeling|tokenization)_(?!moepress)\w+\.py$/,
  /^(LICENSE|LICENCE|NOTICE)(\.(txt|md))?$/i,
];

/** Whether a file name, without folders, is one of them. */
export function isCompanion(name: string): boolean {
  return companions.some((pattern) => pattern.test(name));
}
