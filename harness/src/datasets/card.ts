import { ConfinedThread } from '@moepress/checkpoint/confined';
import { z } from 'zod';
import { trimmedEnd } from '../python/search.js';
import type { SplitPatterns } from './split-patterns.js';
import { nestsTooDeep } from './yaml-depth.js';

const paths = z.union([z.string(), z.array(z.string())]).transform((given) => [given].flat());

/** Files of a configuration: either those of the split train, or those of each split. */
const dataFiles = z.union([
  z.string().transform((path): SplitPatterns => new Map([['train', [path]]])),
  z.array(z.string()).transform((all): SplitPatterns => new Map([['train', all]])),
  z
    .array(z.object({ split: z.coerce.string(), path: paths }))
    .transform((splits): SplitPatterns => new Map(splits.map(({ split, path }) => [split, path]))),
]);

const configSchema = z.looseObject({
  config_name: z.coerce.string(),
  data_files: dataFiles.optional(),
  data_dir: z.string().optional(),
  default: z.boolean().optional(),
  /** The separator of the fields in a CSV file. */
  sep: z.string().optional(),
  delimiter: z.string().optional(),
  /** The key of a JSON file whose value holds the rows. */
  field: z.string().optional(),
});

/**
 * Further keys by which the `datasets` library reads CSV, JSON, text and Parquet in another way, unless they have the
 * value here: fields of its `BuilderConfig` classes.
 */
const otherWays: Readonly<Record<string, unknown>> = {
  header: 'infer',
  names: null,
  column_names: null,
  index_col: null,
  usecols: null,
  true_values: null,
  false_values: null,
  skipinitialspace: false,
  skiprows: null,
  nrows: null,
  na_values: null,
  keep_default_na: true,
  na_filter: true,
  skip_blank_lines: true,
  thousands: null,
  decimal: '.',
  lineterminator: null,
  quotechar: '"',
  quoting: 0,
  escapechar: null,
  comment: null,
  encoding: 'utf-8',
  encoding_errors: 'strict',
  dialect: null,
  skipfooter: 0,
  doublequote: true,
  on_bad_lines: 'error',
  date_format: null,
  keep_linebreaks: false,
  sample_by: 'line',
  columns: null,
  filters: null,
};

/** A configuration that the card of a dataset declares. */
export interface CardConfig {
  readonly name: string;
  /** Absent where the files are to be found by their names, in `folder`. */
  readonly patterns?: SplitPatterns | undefined;
  readonly folder: string;
  readonly isDefault: boolean;
  readonly separator?: string | undefined;
  readonly field?: string | undefined;
  /** A key that requires another way to read the files, which is not implemented. */
  readonly otherWay?: string | undefined;
}

/**
 * The configurations in the metadata of a dataset's README.md, or in its .huggingface.yaml, as the `datasets` library
 * reads them: `configs`, a list. Empty where there are none; null where they make no sense.
 */
export async function readCardConfigs(
  readme: string | null,
  standalone: string | null = null,
): Promise<CardConfig[] | null> {
  const own = await configsIn(standalone);
  const listed = own === undefined ? await configsIn(frontMatter(readme)) : own;
  if (listed === undefined || listed === null) return [];
  const { success, data } = z.array(configSchema).safeParse(listed);
  if (!success) return null;
  return data.map(({ config_name: name, data_files: patterns, data_dir = '', ...config }) => ({
    name,
    patterns,
    folder: trimmedEnd(data_dir.replace(/^\.?\/+/, ''), '/'),
    isDefault: config.default === true,
    separator: config.delimiter ?? config.sep,
    field: config.field,
    otherWay: Object.keys(otherWays).find(
      (key) => (config as Record<string, unknown>)[key] != null && !isUsual(key, config),
    ),
  }));
}

const isUsual = (key: string, config: Readonly<Record<string, unknown>>): boolean =>
  config[key] === otherWays[key];

/** The default configuration: the only one, the one named default, or the one marked as default. */
export function defaultConfig(configs: readonly CardConfig[]): CardConfig | undefined {
  if (configs.length === 1) return configs[0];
  return configs.find(({ name }) => name === 'default') ?? configs.find(({ isDefault }) => isDefault);
}

/**
 * The most characters of the metadata; cards of datasets with hundreds of configurations have some hundred thousand.
 */
const maxCharacters = 2 * 1024 * 1024;

function frontMatter(readme: string | null): string | null {
  const lines = readme?.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/) ?? [];
  const end = lines.indexOf('---', 1);
  return lines[0] === '---' && end > 0 ? lines.slice(1, end).join('\n') : null;
}

/** Limits for parsing a card: milliseconds of processor time, megabytes, and milliseconds to start. */
const bounds = { patience: 3000, memory: 256, start: 1000 };

/** Always the built file, also when this module runs from source: worker threads cannot load TypeScript. */
const script = new URL('./card-thread.js', import.meta.url);

async function configsIn(text: string | null): Promise<unknown> {
  if (!text?.includes('configs') || text.length > maxCharacters || nestsTooDeep(text)) return undefined;
  const thread = new ConfinedThread(script, null, bounds.start);
  try {
    return await thread.ask('configs', text, bounds);
  } catch {
    return undefined;
  } finally {
    await thread.close();
  }
}
