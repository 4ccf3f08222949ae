/** Shared by the tests of the config readers. */
import { MoepressError } from '@moepress/core';
import type { Quantity } from '../architectures/keys.js';
import type { ArchitectureManifest } from '../architectures/manifest.js';
import { KeyReader } from './reader.js';

export const readerOf = (config: Record<string, unknown>, { keys }: ArchitectureManifest) =>
  new KeyReader<Quantity>(config, keys, 'config.json');

/** Code and place of what a reader throws. */
export function refusalOf(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    if (MoepressError.isInstance(error)) return `${error.code} ${error.where}`;
    throw error;
  }
  return 'accepted';
}
