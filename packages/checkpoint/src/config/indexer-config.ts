import type { Rope } from '@moepress/core';
import { z } from 'zod';
import type { Quantity } from '../architectures/keys.js';
import type { LatentTraits } from '../architectures/manifest.js';
import { count, type KeyReader, layerCount } from './reader.js';

/** The indexers of latent attention. */
export interface IndexerConfig {
  readonly heads: number;
  readonly dim: number;
  readonly topK: number;
  readonly pairing: Rope['pairing'];
  /** For each layer, whether it has an indexer of its own; the others share that of the nearest layer before them. */
  readonly own: readonly boolean[];
}

/** `rotated` are the dimensions of a head that are rotated. Throws `CONFIG_INVALID`. */
export function readIndexer(
  reader: KeyReader<Quantity>,
  { pairing }: NonNullable<LatentTraits['indexer']>,
  rotated: number,
): IndexerConfig {
  const dim = reader.read('indexDim', count);
  if (dim < rotated) throw reader.invalid('indexDim', `${rotated} dimensions of a head are rotated`);
  if (reader.read('queryLatent', count.nullable()) === null) {
    throw reader.invalid('queryLatent', 'indexers have their queries from the latent');
  }
  return {
    heads: reader.read('indexHeads', count),
    dim,
    topK: reader.read('indexTopK', count),
    pairing,
    own: readOwn(reader),
  };
}

const types = z.array(z.enum(['full', 'shared']));
const letters = z.string().regex(/^[FS]*$/);

/** As the configuration class of GLM-5 of transformers 5.18 has it. */
function readOwn(reader: KeyReader<Quantity>): boolean[] {
  const layers = reader.read('layers', layerCount);
  if (!reader.reads('indexerTypes')) return Array.from({ length: layers }, () => true);
  const own = readTypes(reader, layers);
  const at = ownerOf(reader);
  if (own.length !== layers) throw reader.invalid(at, `there are ${layers} layers`);
  if (own[0] === false)
    throw reader.invalid(at, 'the first layer has no layer before it whose indexer it could share');
  return own;
}

/** The key that says which layers have indexers. */
function ownerOf(reader: KeyReader<Quantity>): Quantity {
  if (reader.value('indexerTypes') !== null) return 'indexerTypes';
  return reader.value('indexPattern') === null ? 'indexOffset' : 'indexPattern';
}

function readTypes(reader: KeyReader<Quantity>, layers: number): boolean[] {
  const at = ownerOf(reader);
  if (at === 'indexerTypes') return reader.read(at, types).map((type) => type === 'full');
  if (at === 'indexPattern') {
    const pattern = reader.read(at, z.union([letters, types]));
    return [...pattern].map((type) => type === 'F' || type === 'full');
  }
  const every = Math.max(reader.read('indexEvery', z.int()), 1);
  const offset = reader.read('indexOffset', z.int());
  return Array.from({ length: layers }, (_, layer) => Math.max(layer - offset + 1, 0) % every === 0);
}
