import type { Progress, StoredTensor, TensorExpr } from '@moepress/core';
import type { FloatType } from '../tensor/float.js';
import { equalValues } from '../tensor/read-tensor.js';
import type { BuildContext } from './build-context.js';

/** Where tokens come in and go out, and whether both ends are one tensor. */
export interface Vocabulary {
  readonly embed: TensorExpr;
  readonly head: TensorExpr;
  readonly tied: boolean;
}

/**
 * Embedding and head [vocabulary, H]. As in transformers, a config that ties them holds for whichever of the two is
 * stored; where both are, and differ, the head is one of its own, which `progress` is told. Throws what
 * `TensorSource.take` and reading the tensors throw.
 */
export async function readVocabulary(
  { config, manifest, tensors }: BuildContext,
  progress: Progress | undefined,
): Promise<Vocabulary> {
  const { vocabSize, hiddenSize, tiedEmbeddings } = config.decoder;
  const { embed, head } = manifest.tensors;
  const take = (name: string) => tensors.matrix(name, [vocabSize, hiddenSize], {});
  if (!tiedEmbeddings) return { embed: take(embed), head: take(head), tied: false };
  if (!tensors.has(head)) return tie(take(embed));
  if (!tensors.has(embed)) return tie(take(head));
  const [input, output] = [embed, head].map((name) => tensors.take(name, [vocabSize, hiddenSize])) as [
    StoredTensor,
    StoredTensor,
  ];
  if (await equalValues(asFloat(input), asFloat(output))) return tie(input);
  progress?.({
    type: 'warning',
    message: `config.json says tie_word_embeddings, but ${output.name} differs from ${input.name}: the head is used as a separate tensor, as in transformers.`,
  });
  return { embed: input, head: output, tied: false };
}

const tie = (both: TensorExpr): Vocabulary => ({ embed: both, head: both, tied: true });

/** What `take` gives is one of these. */
const asFloat = (tensor: StoredTensor) => tensor as StoredTensor & { readonly dtype: FloatType };
