import { MoepressError } from '@moepress/core';
import { hasMagic, matchesGlob } from './glob.js';

/** Patterns of data files by split. */
export type SplitPatterns = ReadonlyMap<string, readonly string[]>;

const separators = '-._ 0-9';
const keywords: Readonly<Record<string, readonly string[]>> = {
  train: ['train', 'training'],
  validation: ['validation', 'valid', 'dev', 'val'],
  test: ['test', 'testing', 'eval', 'evaluation'],
};

const sharded = (split: string) => `data/${split}-[0-9][0-9][0-9][0-9][0-9]-of-[0-9][0-9][0-9][0-9][0-9]*.*`;

const inFolders = byKeyword((keyword) => [
  `**/${keyword}/**`,
  `**/${keyword}[${separators}]*/**`,
  `**/*[${separators}]${keyword}/**`,
  `**/*[${separators}]${keyword}[${separators}]*/**`,
]);
const inNames = byKeyword((keyword) => [
  `**/${keyword}[${separators}]*`,
  `**/*[${separators}]${keyword}[${separators}]*`,
]);

function byKeyword(patterns: (keyword: string) => string[]): SplitPatterns {
  return new Map(Object.entries(keywords).map(([split, words]) => [split, words.flatMap(patterns)]));
}

/**
 * The splits of a dataset by the names of its files, as the `datasets` library finds them when nothing is declared:
 * `data/<split>-00000-of-00001*` first, then folders named after splits, then files, and at last all files are one
 * split. The first of these rules that finds a file decides. Empty if there is no file.
 */
export function defaultPatterns(paths: readonly string[]): SplitPatterns {
  const shards = matching(paths, [sharded('*')]);
  if (shards.length > 0) {
    const splits = shards.map((path) => /^data\/(.*)-\d{5}-of-\d{5}/.exec(path)![1]!);
    return new Map([...new Set(splits)].map((split) => [split, [sharded(split)]]));
  }
  for (const patterns of [inFolders, inNames, new Map([['train', ['**']]])]) {
    const found = [...patterns].filter(([, own]) => matching(paths, own).length > 0);
    if (found.length > 0) return new Map(found);
  }
  return new Map();
}

/** The most comparisons of patterns with paths: each takes about a microsecond. */
const maxComparisons = 20_000_000;

/**
 * The paths that match one of several patterns, by pattern and then by name, each once. Hidden files match only
 * patterns that name them.
 */
export function matching(paths: readonly string[], patterns: readonly string[]): string[] {
  const sorted = [...paths].sort();
  const known = new Set(paths);
  let comparisons = 0;
  const found = patterns.flatMap((pattern) => {
    // Cards may list thousands of files individually.
    if (!hasMagic(pattern)) return known.has(pattern) ? [pattern] : [];
    comparisons += sorted.length;
    if (comparisons > maxComparisons) {
      const message = `${patterns.length} patterns for ${paths.length} files are more than are looked for.`;
      throw new MoepressError('DATASET_INVALID', { message });
    }
    return sorted.filter((path) => matchesGlob(pattern, path) && hiddenParts(path) === hiddenParts(pattern));
  });
  return [...new Set(found)];
}

/** Files and folders that begin with a dot, and folders that begin with two underscores. */
const hiddenParts = (path: string): number => {
  const parts = path.split('/');
  const special = parts.slice(0, -1).filter((part) => part.startsWith('__')).length;
  return special + parts.filter((part) => part.startsWith('.') && !/^\.+$/.test(part)).length;
};
