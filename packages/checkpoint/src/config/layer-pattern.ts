import { z } from 'zod';
import type { FamilyKeys, Quantity } from '../architectures/keys.js';
import type { JsonObject } from '../folder/json.js';
import { KeyReader } from './reader.js';

/** Letters of a pattern of layers, by what they stand for. */
const letters: Readonly<Record<string, string>> = {
  M: 'linear_attention',
  E: 'moe',
  '*': 'full_attention',
  '-': 'mlp',
};

/** The same by the older names of these layers too. */
const letterOf: ReadonlyMap<string, string> = new Map([
  ...Object.entries(letters).map(([letter, type]) => [type, letter] as const),
  ['mamba', 'M'],
  ['attention', '*'],
]);

/** What transformers builds where nothing tells the layers. */
const untoldLayers = ['linear_attention', 'moe', 'full_attention', 'mlp'];

/** The pattern of some types of layers. */
export const patternOfTypes = (types: readonly string[]): string =>
  types.map((type) => letterOf.get(type)).join('');

/**
 * config.json of a family whose layers may be told by a pattern, with their list, which prevails where both are given, and
 * with as many layers as that has, as transformers counts them. Throws `CONFIG_INVALID` for a pattern with other letters.
 */
export function withLayerTypes(config: JsonObject, keys: FamilyKeys, file: string): JsonObject {
  if (!keys.layerPattern) return config;
  const reader = new KeyReader<Quantity>(config, keys, file);
  const told = reader.read('layerTypes', z.array(z.string()).nullable());
  const pattern = reader.read('layerPattern', z.string().nullable());
  const types = told ?? (pattern === null ? untoldLayers : [...pattern].map((letter) => letters[letter]));
  if (types.length === 0 || types.includes(undefined)) {
    throw reader.invalid(told ? 'layerTypes' : 'layerPattern', 'it must tell each layer by M, E, * or -');
  }
  const { layerTypes, layers } = keys;
  return { ...config, [layerTypes.names.at(-1)!]: types, [layers.names[0]]: types.length };
}
