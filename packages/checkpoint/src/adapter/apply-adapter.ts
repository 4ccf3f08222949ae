import {
  lowRank,
  type Model,
  MoepressError,
  type StoredTensor,
  sha256,
  type TensorExpr,
  tensorsByPath,
  transpose,
  type Work,
  withTensors,
} from '@moepress/core';
import { findArchitecture } from '../architectures/index.js';
import { readJsonFile } from '../folder/json.js';
import { type AdapterConfig, mergeLine } from './adapter-config.js';
import { type AdapterWeights, type LowRankPair, readAdapterWeights } from './adapter-weights.js';

/**
 * The model that an adapter in `directory` makes of `base`, which `progress` is told of. Throws what
 * `readAdapterWeights` and `applyAdapter` throw.
 */
export async function withAdapter(
  base: Model,
  config: AdapterConfig,
  directory: string,
  { progress }: Work,
): Promise<Model> {
  const weights = await readAdapterWeights(directory);
  const model = applyAdapter(base, config, weights, directory);
  const count = (n: number, what: string) => `${n} ${what}${n === 1 ? '' : 's'}`;
  progress?.({
    type: 'warning',
    message: `A LoRA adapter is applied: ${count(weights.pairs.size, 'weight')} changed, ${count(weights.replaced.size, 'tensor')} replaced.`,
  });
  return model;
}

/**
 * A model with an adapter merged into it: W + scaling B A in the place of each weight that it changes, and its own
 * tensors in the places of those it replaces. Throws `CONFIG_UNSUPPORTED`, with the line that merges the adapter, if it
 * changes what no part of the model reads by that name, such as fused experts, or both ends of tied embeddings.
 */
function applyAdapter(base: Model, config: AdapterConfig, weights: AdapterWeights, directory: string): Model {
  const { alias } = findArchitecture(base.architecture, base.id).tensors;
  const model = separateEnds(base, weights, directory);
  const paths = pathsByName(model);
  const find = (name: string): string[] => {
    const others = alias.flatMap(([from, to]) => [name.replace(from, to), name.replace(to, from)]);
    return paths.get(name) ?? others.map((other) => paths.get(other)).find((found) => found) ?? [];
  };
  const known = tensorsByPath(model);
  const changed = new Map<string, TensorExpr>();
  const change = (name: string, by: (of: TensorExpr) => TensorExpr) => {
    const found = find(name);
    if (found.length === 0) {
      throw unknown(`It changes ${name}, which no part of the model reads under this name`, directory);
    }
    for (const path of found) changed.set(path, by(changed.get(path) ?? known.get(path)!));
  };
  for (const [name, tensor] of weights.replaced) change(name, (of) => sameShape(of, tensor, directory));
  for (const [module, pair] of weights.pairs) {
    change(`${module}.weight`, (of) => merged(of, pair, config.scaling(module, pair.a.shape[0]!), directory));
  }
  return { ...withTensors(model, changed), headerHash: sha256(base.headerHash, weights.headerHash) };
}

/**
 * Where head and embedding are one tensor and the adapter has one of its own for either end, they part. What is
 * added to a shared tensor is another matter: PEFT computes one thing before merging and another after it.
 */
function separateEnds(base: Model, { pairs, replaced }: AdapterWeights, directory: string): Model {
  if (!base.config.tiedEmbeddings) return base;
  const { embed, head } = findArchitecture(base.architecture, base.id).tensors;
  const ends = [embed, head];
  const added = ends.find((name) => pairs.has(name.replace(/\.weight$/, '')));
  if (added !== undefined) {
    throw unknown(`It adds to ${added}, which embedding and head share`, directory);
  }
  if (!ends.some((name) => replaced.has(name))) return base;
  const own = { ...(base.embed as StoredTensor), name: head };
  return { ...base, head: own, config: { ...base.config, tiedEmbeddings: false } };
}

/** Paths in a model of the checkpoint's tensors, by their names. */
function pathsByName(model: Model): Map<string, string[]> {
  const paths = new Map<string, string[]>();
  for (const [path, expr] of tensorsByPath(model)) {
    const matrix = expr.kind === 'transpose' && expr.of.kind === 'block-scaled' ? expr.of : expr;
    if (matrix.kind !== 'stored' && matrix.kind !== 'block-scaled') continue;
    paths.set(matrix.name, [...(paths.get(matrix.name) ?? []), path]);
  }
  return paths;
}

function merged(of: TensorExpr, { a, b, embedding }: LowRankPair, by: number, directory: string): TensorExpr {
  const [left, right] = embedding ? [transpose(a), transpose(b)] : [b, a];
  const fits = left.shape[0] === of.shape[0] && right.shape[1] === of.shape[1];
  if (fits && Number.isFinite(by)) return lowRank(of, left, right, by);
  throw misfit(
    `${a.name} [${a.shape}] and ${b.name} [${b.shape}] do not fit a weight [${of.shape}]`,
    directory,
  );
}

function sameShape(of: TensorExpr, tensor: StoredTensor, directory: string): TensorExpr {
  if (of.shape.join() === tensor.shape.join()) return tensor;
  throw misfit(`${tensor.name} is [${tensor.shape}] in the place of [${of.shape}]`, directory);
}

function unknown(problem: string, where: string): MoepressError {
  return new MoepressError('CONFIG_UNSUPPORTED', {
    message: `The adapter cannot be merged here. ${problem}.`,
    where,
    hint: mergeLine(where),
  });
}

function misfit(problem: string, where: string): MoepressError {
  return new MoepressError('TENSOR_SHAPE', {
    message: `The adapter does not fit its base: ${problem}.`,
    where,
    hint: 'Give the base model that the adapter was made for.',
  });
}

/** Parts of tokenizer.json that say what a text is; how batches are cut and padded is left out. */
const parts = ['normalizer', 'pre_tokenizer', 'model', 'post_processor', 'decoder', 'added_tokens'] as const;

/**
 * Warns if an adapter alone brings a tokenizer that reads texts otherwise than that of its base, which is the one that
 * is used. Throws `TOKENIZER_MISSING` for files that are no JSON.
 */
export async function warnOfOwnTokenizer(adapter: string, base: string, { progress }: Work): Promise<void> {
  const own = await tokenizerIn(adapter);
  if (own === null || own === (await tokenizerIn(base))) return;
  progress?.({
    type: 'warning',
    message: `${adapter}: The adapter has its own tokenizer, which is not used: texts are tokenised as by its base, ${base}. To use the adapter's tokenizer, put config.json and weights of the base next to the adapter.`,
  });
}

async function tokenizerIn(directory: string): Promise<string | null> {
  const json = await readJsonFile(directory, 'tokenizer.json', 'TOKENIZER_MISSING');
  return json && JSON.stringify(parts.map((part) => json[part] ?? null));
}
