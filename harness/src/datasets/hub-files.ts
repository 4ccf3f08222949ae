import { MoepressError } from '@moepress/core';
import { type CardConfig, defaultConfig } from './card.js';
import type { Dataset } from './dataset.js';
import { commonFormat, isData } from './format.js';
import { hasMagic } from './glob.js';
import { defaultPatterns, matching, type SplitPatterns } from './split-patterns.js';

/** A dataset repository: all its files, and the configurations that its card declares. */
export interface HubListing {
  readonly paths: readonly string[];
  readonly configs: readonly CardConfig[];
}

/** The files of a split in their order, and how to read them. */
export interface SplitFiles {
  readonly files: readonly string[];
  readonly separator?: string | undefined;
  readonly field?: string | undefined;
}

/** The reason why there are none, as the end of a sentence. */
export interface NoFiles {
  readonly missing: string;
}

/**
 * The files of a split as the `datasets` library finds them: by the repository's card if it declares configurations,
 * else by their names. A configuration that no card declares is the folder of that name. Repositories with a loading
 * script, which is not run, are read where they hold Parquet files in such folders. Throws `DATASET_INVALID` if no
 * configuration is named and none of several is the default.
 */
export function filesOfSplit(
  dataset: Dataset,
  split: string,
  { paths, configs }: HubListing,
): SplitFiles | NoFiles {
  const data = paths.filter(isData);
  const named = configFor(dataset, configs);
  if (named) return readable(named.name, split, filesOf(named, split, data), named);
  const name = dataset.path.split('/').at(-1)!;
  const hasScript = paths.includes(`${name}.py`);
  const inFolder = hasScript || dataset.config !== 'default' ? convertedFiles(dataset, split, data) : [];
  if (inFolder.length > 0) return { files: inFolder };
  if (hasScript) return { missing: 'its files are read by a script, which is not run' };
  const folder = dataset.config === 'default' ? '' : dataset.config;
  const found = filesOf({ name: dataset.config, folder, isDefault: false }, split, data);
  return readable(dataset.config, split, found, {});
}

/**
 * The same for repositories whose folders are configurations and whose files are Parquet, as in the Hub's own
 * conversion. Throws `DATASET_INVALID`.
 */
export function convertedFiles(
  { path, config }: Dataset,
  split: string,
  paths: readonly string[],
): readonly string[] {
  const usual = config === 'default' ? ['default', 'data'] : [config];
  const own = usual.map((folder) => folderFiles(folder, split, paths)).find((files) => files.length > 0);
  if (own || config !== 'default') return own ?? [];
  const folders = [...new Set(paths.flatMap((file) => partFolder(file, split) ?? []))];
  if (folders.length <= 1) return folders.flatMap((folder) => folderFiles(folder, split, paths));
  throw unclear(path, folders);
}

function configFor({ path, config }: Dataset, configs: readonly CardConfig[]): CardConfig | undefined {
  const named = configs.find(({ name }) => name === config);
  if (named || config !== 'default' || configs.length === 0) return named;
  const usual = defaultConfig(configs);
  if (usual) return usual;
  throw unclear(
    path,
    configs.map(({ name }) => name),
  );
}

function filesOf({ patterns, folder }: CardConfig, split: string, data: readonly string[]): FoundFiles {
  const base = folder === '' ? '' : `${folder}/`;
  const inside = data.filter((path) => path.startsWith(base)).map((path) => path.slice(base.length));
  const known: SplitPatterns = patterns ?? defaultPatterns(inside);
  const own = known.get(split)?.map((pattern) => pattern.replace(/^(\.\/)+/, ''));
  const files = own ? matching(inside, own).map((path) => base + path) : [];
  const absent = own?.find((pattern) => !hasMagic(pattern) && !inside.includes(pattern));
  return { files, splits: [...known.keys()], absent };
}

interface FoundFiles {
  readonly files: readonly string[];
  /** All splits that were found. */
  readonly splits: readonly string[];
  /** A file that the card names but the repository does not have. */
  readonly absent: string | undefined;
}

function readable(
  config: string,
  split: string,
  { files, splits, absent }: FoundFiles,
  { separator, field, otherWay }: Pick<CardConfig, 'separator' | 'field' | 'otherWay'>,
): SplitFiles | NoFiles {
  if (absent !== undefined) return { missing: `the Hub does not have ${absent}, which its card names` };
  if (otherWay !== undefined) {
    return { missing: `the card of ${config} sets "${otherWay}" for its files, which is not read` };
  }
  const common = commonFormat(files);
  if (!common) {
    if (splits.length === 0) return { missing: `the Hub has no files of ${config} that are data` };
    return { missing: `the Hub has no split ${split} of ${config}, but ${splits.join(', ')}` };
  }
  if (common.format === null) return { missing: `the Hub has it as .${common.extension}, which is not read` };
  const packed = common.files.find((path) => /\.(bz2|xz|zst|lz4|zip)$/i.test(path));
  if (packed !== undefined) return { missing: `the Hub has it packed as ${packed}, which is not read` };
  return { files: common.files, separator, field };
}

/** Parquet files of a split in a folder of its configuration, in their order. */
function folderFiles(folder: string, split: string, paths: readonly string[]): string[] {
  return paths.filter((path) => partFolder(path, split) === folder).sort();
}

/**
 * The folder of a path such as main/test-00000-of-00001.parquet, with a hash after it or not, or of main/test/0000.parquet
 * in a conversion, of which that of a large dataset is main/partial-test/0000.parquet.
 */
function partFolder(file: string, split: string): string | null {
  const form = /^(.+?)\/([^/]+?)(-\d+-of-\d+(-[0-9a-f]+)?|\/[^/]+)?\.parquet$/;
  const [, folder, name] = form.exec(file) ?? [];
  return name === split || name === `partial-${split}` ? folder! : null;
}

function unclear(where: string, [first, second]: readonly string[]): MoepressError {
  return new MoepressError('DATASET_INVALID', {
    message: `The dataset has several configurations, such as ${first} and ${second}, and none was given.`,
    where,
    hint: 'Give the name of one of them.',
  });
}
