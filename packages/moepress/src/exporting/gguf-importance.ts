import type { Work } from '@moepress/core';
import { type Importance, planGguf, readImportance, writeImportance } from '@moepress/export';
import { claimFile } from '../files/output.js';
import type { ExportSubject, ImportanceChoice } from './export-target.js';

/**
 * The importance matrix that a choice names: that of a file, or one that is measured, and written to a file where one is asked
 * for. Throws what `readImportance` and measuring throw.
 */
export async function importanceOf(
  { view, plan }: ExportSubject,
  choice: ImportanceChoice,
  { force, ...work }: Work & { readonly force?: boolean | undefined },
): Promise<Importance> {
  if ('file' in choice) return readImportance(choice.file);
  const { out } = choice;
  // Taken before hours of measuring.
  const output =
    out === undefined ? null : await claimFile(out, 'imatrix', { progress: work.progress, force });
  try {
    const planned = planGguf(view, { type: 'f32', plan });
    const { importance: measured, chunks } = await choice.measure(view, planned.view.model, work);
    const names = new Set(planned.tensors.map(({ name }) => name));
    const tensors = new Map([...measured.tensors].filter(([name]) => names.has(name)));
    const importance = { ...measured, tensors };
    if (output) await writeImportance(importance, output, { ...work, chunks });
    return importance;
  } finally {
    await output?.abandon();
  }
}
