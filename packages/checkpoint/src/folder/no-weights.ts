import { readdir } from 'node:fs/promises';
import { MoepressError } from '@moepress/core';

/** What may lie where the weights should, and what to do then; the first that fits is told. */
const substitutes: readonly { readonly pattern: RegExp; readonly what: string; readonly hint: string }[] = [
  {
    pattern: /^model-\d+-of-\d+\.safetensors$/,
    what: 'shards without their index',
    hint: 'Download model.safetensors.index.json from the repository that the shards came from.',
  },
  {
    pattern: /\.(bin|pth?|ckpt)$/,
    what: 'weights in the form of PyTorch',
    hint: 'Only safetensors are read: AutoModelForCausalLM.from_pretrained(path).save_pretrained(new_path) in Python converts them.',
  },
  {
    pattern: /\.gguf$/,
    what: 'weights in the form of llama.cpp',
    hint: 'Only safetensors are read: get the repository that the GGUF file was made from.',
  },
];

/** The error for a folder without safetensors weights, which says what it has instead. */
export async function noWeights(directory: string): Promise<MoepressError> {
  const names: readonly string[] = await readdir(directory).catch(() => []);
  const found = substitutes.find(({ pattern }) => names.some((name) => pattern.test(name)));
  return new MoepressError('CHECKPOINT_NOT_FOUND', {
    message: `There is neither model.safetensors nor model.safetensors.index.json${found ? `, but ${found.what}` : ''}.`,
    where: directory,
    hint:
      found?.hint ??
      'The weights were not downloaded: give the Hub id with a network, or run "hf download <id>" first.',
  });
}
