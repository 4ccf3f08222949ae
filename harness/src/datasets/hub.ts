import { HubApiError } from '@huggingface/hub';
import { MoepressError, throwIfAborted } from '@moepress/core';
import type { Dataset, DatasetSource, Row, Rows } from './dataset.js';
import { readRows } from './file.js';
import { cachedSnapshot, onlineSnapshot, type Snapshot } from './hub-snapshot.js';

/** Where Parquet files are: in the repository itself, or where the Hub puts its own conversion of it. */
const revisions = ['main', 'refs/convert/parquet'];

/** Datasets of the Hub, as Parquet. */
export const hubSource: DatasetSource = {
  async load(dataset, split, work) {
    for (const revision of revisions) {
      const snapshot = await openSnapshot(dataset.path, revision, work?.signal);
      if ('missing' in snapshot) return snapshot;
      const files = splitFiles(snapshot.files, dataset.config, split);
      if (files.length > 0) return readFiles(snapshot, files, dataset, work?.signal);
    }
    return { missing: 'the Hub has no Parquet files of it' };
  },
};

const nothing: Snapshot = { files: [], fetch: async (file) => file };

async function openSnapshot(name: string, revision: string, signal: AbortSignal | undefined) {
  try {
    return await onlineSnapshot(name, revision, signal);
  } catch (error) {
    throwIfAborted(signal);
    if (!(error instanceof HubApiError)) {
      const cached = await cachedSnapshot(name, revision);
      return cached ?? { missing: `the Hub cannot be reached (${reasonOf(error)})` };
    }
    if (error.statusCode === 404) return nothing;
    throw refused(error, name);
  }
}

/** Paths such as main/test-00000-of-00001.parquet, or ARC-Easy/test/0000.parquet in a conversion. */
function splitFiles(files: readonly string[], config: string, split: string): string[] {
  const prefixes = [`${config}/${split}`, ...(config === 'default' ? [`data/${split}`] : [])];
  const rest = /^(-\d+-of-\d+|\/[^/\\]+)?\.parquet$/;
  return files
    .filter((file) =>
      prefixes.some((prefix) => file.startsWith(prefix) && rest.test(file.slice(prefix.length))),
    )
    .sort();
}

async function readFiles(
  snapshot: Snapshot,
  files: readonly string[],
  dataset: Dataset,
  signal: AbortSignal | undefined,
): Promise<Rows> {
  const parts: Row[][] = [];
  for (const file of files) parts.push(await readRows(await fetchFile(snapshot, file, dataset, signal)));
  return { rows: parts.flat(), where: `${dataset.path}/${files.join(', ')}` };
}

async function fetchFile(
  snapshot: Snapshot,
  file: string,
  dataset: Dataset,
  signal: AbortSignal | undefined,
): Promise<string> {
  try {
    return await snapshot.fetch(file);
  } catch (cause) {
    throwIfAborted(signal);
    if (MoepressError.isInstance(cause)) throw cause;
    if (cause instanceof HubApiError) throw refused(cause, dataset.path);
    throw new MoepressError('HUB_UNREACHABLE', {
      message: `${file} could not be downloaded: ${reasonOf(cause)}.`,
      where: dataset.path,
      cause,
    });
  }
}

function refused(error: HubApiError, name: string): MoepressError {
  const forbidden = error.statusCode === 401 || error.statusCode === 403;
  return new MoepressError(forbidden ? 'HUB_FORBIDDEN' : 'HUB_UNREACHABLE', {
    message: `The Hub answered ${error.statusCode} for the dataset ${name}.`,
    where: error.url,
    ...(forbidden && { mend: 'Accept the terms on the dataset page and set HF_TOKEN.' }),
    cause: error,
  });
}

/** fetch hides the reason in the cause. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? cause.message : message;
}
