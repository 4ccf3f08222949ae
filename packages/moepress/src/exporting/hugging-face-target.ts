import {
  huggingFaceSupport,
  type QuantiseChoice,
  quantiseChoices,
  sizeAsWritten,
  writeHuggingFace,
} from '@moepress/export';
import { claimFolder } from '../files/output.js';
import type { ExportTarget } from './export-target.js';

/** What weights are quantised to; undefined for weights that stay as they are stored. */
const choiceOf = (type: string): QuantiseChoice | undefined =>
  quantiseChoices.find((choice) => choice === type);

/** Folders of Hugging Face's format, in the layouts that `apply` writes; weights keep their types or are quantised. */
export const huggingFaceTarget: ExportTarget = {
  name: 'hf',
  output: 'folder',
  types: ['stored', ...quantiseChoices],
  tellsOfGrowth: true,
  outlook: ({ view }, { layout, type }) => ({
    engines: huggingFaceSupport(view, layout, choiceOf(type)),
    bytes: sizeAsWritten(view, layout, choiceOf(type)).bytes.whole,
    notes: [],
  }),
  async write({ view, base, plan }, out, { type, layout, mtp, force, ...work }) {
    const output = await claimFolder(out, 'checkpoint', { progress: work.progress, force });
    try {
      return await writeHuggingFace(view, output, {
        ...work,
        layout,
        mtp,
        quantise: choiceOf(type),
        plan,
        base,
      });
    } finally {
      await output.abandon();
    }
  },
};
