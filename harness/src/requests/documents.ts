import { MoepressError, type Work } from '@moepress/core';
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
  const dataset = {
    path: task.dataset_path,
    config: task.dataset_name ?? 'default',
    files: task.dataset_kwargs?.data_files ?? null,
  };
  const { rows, where } = await datasets.rows(dataset, split, work);
  if (rows.length === 0) {
    throw new MoepressError('DATASET_INVALID', { message: 'The split has no rows.', where });
  }
  return rows.map((row, id) => {
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
  });
}
