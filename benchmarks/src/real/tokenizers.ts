import { existsSync } from 'node:fs';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { dataFolder, unpacked } from '@moepress/reference';
import { tinyModel } from '@moepress/tiny';
import type { Shape } from './shapes.js';

const files = ['tokenizer.json', 'tokenizer_config.json'] as const;

/** A checkpoint with a tokenizer. */
export interface Tokenized {
  readonly directory: string;
  /** Name of the tokenizer. */
  readonly tokenizer: string;
}

/**
 * Gives a checkpoint its tokenizer: a published one of the reference data, or where there is no such data, in a folder
 * of its own with the same weights, the embedded model's. Throws if its ids reach beyond the shape's vocabulary.
 */
export async function addTokenizer(checkpoint: string, shape: Shape): Promise<Tokenized> {
  const published = dataFolder() !== null;
  const tokenizer = published ? shape.tokenizer : 'tiny';
  const contents = published ? publishedTokenizer(tokenizer) : await embeddedTokenizer();
  const largest = largestId(JSON.parse(contents[0]));
  if (largest >= shape.vocabulary) {
    throw new Error(
      `${tokenizer} has ids up to ${largest}, beyond the ${shape.vocabulary} of ${shape.title}.`,
    );
  }
  const directory = published ? checkpoint : await linked(checkpoint, `${checkpoint}-${tokenizer}`);
  for (const [i, name] of files.entries()) await replace(join(directory, name), contents[i]!);
  return { directory, tokenizer };
}

/** A folder with the same files, which take no room again. */
async function linked(from: string, to: string): Promise<string> {
  await mkdir(to, { recursive: true });
  for (const name of ['config.json', 'model.safetensors']) {
    await rm(join(to, name), { force: true });
    await link(join(from, name), join(to, name));
  }
  return to;
}

async function embeddedTokenizer(): Promise<[string, string]> {
  const [tokenizer, config] = await Promise.all(
    files.map((name) => readFile(join(tinyModel.directory, name), 'utf8')),
  );
  return [tokenizer!, config!];
}

function publishedTokenizer(name: string): [string, string] {
  const tokenizer = unpacked(`tokenizers/${name}.tokenizer.json.gz`).toString('utf8');
  const config = `tokenizers/${name}.tokenizer_config.json.gz`;
  return existsSync(join(dataFolder()!, config))
    ? [tokenizer, unpacked(config).toString('utf8')]
    : [tokenizer, JSON.stringify(plainConfig, null, 2)];
}

/** Tokenizer configs of the OLMo family, which are not among the reference data. */
const plainConfig = {
  tokenizer_class: 'PreTrainedTokenizerFast',
  bos_token: null,
  eos_token: '<|endoftext|>',
  add_bos_token: false,
  clean_up_tokenization_spaces: false,
  model_max_length: 4096,
};

interface TokenizerJson {
  readonly model: { readonly vocab: Readonly<Record<string, number>> };
  readonly added_tokens?: readonly { readonly id: number }[];
}

function largestId({ model, added_tokens = [] }: TokenizerJson): number {
  let largest = 0;
  for (const id of Object.values(model.vocab)) largest = Math.max(largest, id);
  for (const { id } of added_tokens) largest = Math.max(largest, id);
  return largest;
}

/** Written completely or not at all, and only if it differs: others may be reading it. */
async function replace(path: string, content: string): Promise<void> {
  if ((await readFile(path, 'utf8').catch(() => null)) === content) return;
  await writeFile(`${path}.partial`, content);
  await rename(`${path}.partial`, path);
}
