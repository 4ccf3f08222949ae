import { type BlockScaledExpr, blockSize } from '@moepress/core';
import type { WeightScheme } from '../config/weight-scheme.js';
import { arrayEntry, exprEntry, type TensorEntry } from '../safetensors/file-layout.js';
import { copiedEntry } from './entries.js';
import type { WeightFiles } from './weight-format.js';

/** Activation order of compressed-tensors. */
export const orderOfColumns = { suffix: '.weight_g_idx', axis: 1 } as const;

/**
 * The groups that the members of the input name: I32 [in] of numbers of groups. Where the scheme says that they do not
 * (no activation order), a file may have them all the same, and engines do not look.
 */
export function takeGroups(
  files: WeightFiles,
  { grouped }: WeightScheme,
  { suffix, axis }: { readonly suffix: string; readonly axis: 0 | 1 },
): Pick<BlockScaledExpr, 'groups' | 'extras'> {
  const extras =
    grouped || files.has(suffix) ? { [suffix]: files.get(suffix, [[files.shape[1]]], ['I32']) } : {};
  return { groups: grouped ? { of: extras[suffix]!, axis } : null, extras };
}

/** The same written: as they are named, or in order where the matrix was cut or quantised anew. */
export function groupEntry(stem: string, of: BlockScaledExpr, suffix: string, axis: 0 | 1): TensorEntry[] {
  const { groups, extras, shape } = of;
  const inFile = extras[suffix];
  if (groups) return [exprEntry(stem + suffix, groups.of)];
  if (!inFile) return [];
  if (of.of.kind === 'unpacked' || of.of.kind === 'stored') return [copiedEntry(stem + suffix, inFile)];
  const count = shape[axis]!;
  const order = Int32Array.from({ length: count }, (_, i) => Math.floor(i / blockSize(of, axis)));
  return [arrayEntry(stem + suffix, 'I32', [count], order)];
}
