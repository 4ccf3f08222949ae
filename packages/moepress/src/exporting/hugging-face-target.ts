import { huggingFaceSupport, sizeAsWritten, writeHuggingFace } from '@moepress/export';
import { claimFolder } from '../files/output.js';
import type { ExportTarget } from './export-target.js';

/** Folders of Hugging Face's format, in the layouts that `apply` writes; weights keep their types. */
export const huggingFaceTarget: ExportTarget = {
  name: 'hf',
  output: 'folder',
  types: ['stored'],
  outlook: ({ view }, { layout }) => ({
    engines: huggingFaceSupport(view, layout),
    bytes: sizeAsWritten(view, layout).bytes.whole,
    notes: [],
  }),
  async write({ view, base, plan }, out, { layout, mtp, force, ...work }) {
    const output = await claimFolder(out, 'checkpoint', { progress: work.progress, force });
    try {
      return await writeHuggingFace(view, output, { ...work, layout, mtp, plan, base });
    } finally {
      await output.abandon();
    }
  },
};
