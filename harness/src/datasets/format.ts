/** The format of the rows of a data file. */
export type DataFormat = 'parquet' | 'json' | 'csv' | 'tsv' | 'text';

const formats: ReadonlyMap<string, DataFormat> = new Map([
  ['parquet', 'parquet'],
  ['geoparquet', 'parquet'],
  ['gpq', 'parquet'],
  ['json', 'json'],
  ['jsonl', 'json'],
  ['ndjson', 'json'],
  ['csv', 'csv'],
  ['tsv', 'tsv'],
  ['txt', 'text'],
]);

/**
 * Formats that only the `datasets` library reads: their rows are not text, or are written in a form that is not
 * supported here.
 */
const others = new Set([
  ...['arrow', 'lance', 'conll', 'conllu', 'xml', 'hdf5', 'h5', 'eval', 'tsfile', 'tar', 'zip'],
  ...['jpg', 'jpeg', 'png', 'gif', 'bmp', 'webp', 'tif', 'tiff', 'svg', 'pdf'],
  ...['mp3', 'wav', 'flac', 'ogg', 'opus', 'm4a', 'mp4', 'mkv', 'webm', 'avi', 'mov'],
]);

/** Formats in order of preference, where equally many files have them. */
const preferred = ['parquet', 'lance', 'arrow', 'jsonl', 'json', 'csv'];

/** The files of one format among several files. */
export interface FormattedFiles {
  /** Null for a format that is not supported. */
  readonly format: DataFormat | null;
  /** The extension that decided. */
  readonly extension: string;
  readonly files: readonly string[];
}

/** The extensions of a file name in lower case. */
const extensionsOf = (path: string): string[] =>
  path
    .slice(path.lastIndexOf('/') + 1)
    .toLowerCase()
    .split('.')
    .slice(1);

/** Data files by their names, without those that every repository has. */
export function isData(path: string): boolean {
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (/^(README\.md|config\.json|dataset_infos?\.json|dataset_dict\.json|dummy_data\.zip)$/.test(name))
    return false;
  return extensionsOf(path).some((extension) => formats.has(extension) || others.has(extension));
}

/**
 * The format that most of the files have, and these files, as the `datasets` library decides; null if there are none.
 */
export function commonFormat(paths: readonly string[]): FormattedFiles | null {
  const counts = new Map<string, number>();
  for (const extension of paths.flatMap(extensionsOf)) {
    if (formats.has(extension) || others.has(extension))
      counts.set(extension, (counts.get(extension) ?? 0) + 1);
  }
  const rank = (extension: string) =>
    preferred.length - (preferred.indexOf(extension) + 1 || preferred.length + 1);
  const [most] = [...counts.keys()].sort(
    (a, b) => counts.get(b)! - counts.get(a)! || rank(b) - rank(a) || (a < b ? 1 : -1),
  );
  if (most === undefined) return null;
  const format = formats.get(most) ?? null;
  const isAlike = (path: string) =>
    extensionsOf(path).some((extension) => (format ? formats.get(extension) === format : extension === most));
  return { format, extension: most, files: paths.filter(isAlike) };
}

/** The format of one file by its name, compressed or not; null for an unknown one. */
export function formatOf(path: string): { readonly format: DataFormat; readonly isPacked: boolean } | null {
  const [, name, packing] = /^(.*?)(\.gz)?$/i.exec(path)!;
  const format = formats.get(extensionsOf(name!).at(-1) ?? '');
  return format ? { format, isPacked: packing !== undefined } : null;
}
