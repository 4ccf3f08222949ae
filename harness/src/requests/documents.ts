import { MoepressError, type Work } from '@moepress/core';
import type { Row } from '../datasets/dataset.js';
import type { Datasets } from '../datasets/open.js';
import type { Task } from '../tasks/task-schema.js';

/** One row of a dataset. */
export interface Document {
  /** Position in the scored split. */
  readonly id: number;
  /** The row with all its columns in their order, from which its hash is computed, and the columns computed from it. */
  readonly row: Readonly<Record<string, unknown>>;
  /** The row as parsed by the task's schema: the input of templates. */
  readonly fields: unknown;
}

/**
 * Documents of a split in their order. Throws what `Datasets.rows` throws, and `DATASET_INVALID` for an
 * empty split or a row that does not match the task's schema.
 */
export async function loadDocuments(
  task: Task,
  datasets: Datasets,
  split: string,
  work: Work,
): Promise<Document[]> {
  const { rows, where } = await rowsOf(task, datasets, split, work);
  if (task.fields) return withFields(rows, task.fields.questions(rows));
  return rows.map((row, id) => parsedDocument(task, row, id, where));
}

/**
 * Documents of a split that examples are taken from, or the rows given in its place. `scored`: the documents of the
 * scored split. Throws what `loadDocuments` throws.
 */
export async function loadExampleDocuments(
  task: Task,
  scored: readonly Document[],
  from: { readonly split: string; readonly datasets: Datasets } | { readonly samples: readonly Row[] },
  work: Work,
): Promise<Document[]> {
  const rows = 'samples' in from ? from.samples : null;
  if (task.fields) {
    const own = rows ?? ('split' in from ? (await rowsOf(task, from.datasets, from.split, work)).rows : []);
    return withFields(
      own,
      task.fields.examples(
        own,
        scored.map(({ row }) => row),
      ),
    );
  }
  if (rows) return rows.map((row, id) => ({ id, row, fields: row }));
  return 'split' in from ? loadDocuments(task, from.datasets, from.split, work) : [];
}

/** Documents whose fields are made when they are asked for. */
function withFields(rows: readonly Row[], made: readonly { readonly fields: unknown }[]): Document[] {
  return rows.map((row, id) => ({
    id,
    row,
    get fields() {
      return made[id]!.fields;
    },
  }));
}

async function rowsOf(task: Task, datasets: Datasets, split: string, work: Work) {
  const dataset = {
    path: task.dataset_path,
    config: task.dataset_name ?? 'default',
    files: task.dataset_kwargs?.data_files ?? null,
    ...(task.dataset_kwargs?.folder !== undefined && { folder: task.dataset_kwargs.folder }),
  };
  const given = await datasets.rows(dataset, split, work);
  const found = task.process_rows
    ? { ...given, rows: task.process_rows(given.rows) as readonly Row[] }
    : given;
  if (found.rows.length === 0) {
    throw new MoepressError('DATASET_INVALID', { message: 'The split has no rows.', where: found.where });
  }
  return found;
}

function parsedDocument(task: Task, row: Row, id: number, where: string): Document {
  const parsed = task.row.safeParse(row);
  if (parsed.success) {
    const computed = task.process_docs?.render(parsed.data);
    return { id, row: { ...row, ...computed }, fields: { ...parsed.data, ...computed } };
  }
  const { path, message } = parsed.error.issues[0]!;
  throw new MoepressError('DATASET_INVALID', {
    message: `Row ${id + 1} does not match the schema of ${task.task}: ${path.join('.') || 'the row'}: ${message}.`,
    where,
  });
}
