import type { Model } from '@moepress/core';
import {
  copiedTokenizer,
  type GgufTokenizer,
  type GgufTypeChoice,
  ggufTokenizer,
  ggufTypes,
  llamaCppSupport,
  planGguf,
  planSlice,
  writeGguf,
  writeSlice,
} from '@moepress/export';
import { readChatTemplates } from '../chat/template-files.js';
import { claimFile } from '../files/output.js';
import type { ExportSubject, ExportTarget } from './export-target.js';
import { importanceOf } from './gguf-importance.js';

/** Blocks as they stand in the GGUF file that the model was opened from. */
export const sourceType = 'source';

/** One GGUF file, with the tokenizer and the chat templates in it. */
export const ggufTarget: ExportTarget = {
  name: 'gguf',
  output: 'file',
  types: [...ggufTypes, sourceType],
  weighedTypes: ['q4_0', 'q4_k_m', 'q6_k'],
  async outlook(subject, { type }) {
    const { view, base, plan } = subject;
    if (type === sourceType) {
      const { weightBytes: bytes } = await planSlice(base, view);
      return { engines: llamaCppSupport(planGguf(view, { type: 'f32', plan }).view), bytes, notes: [] };
    }
    const { notes } = await tokenizerOf(subject);
    const planned = planGguf(view, { type: type as GgufTypeChoice, plan });
    return { engines: llamaCppSupport(planned.view), bytes: planned.weightBytes, notes };
  },
  async write(subject, out, { type, force, importance: choice, ...work }) {
    const output = await claimFile(out, 'gguf', { progress: work.progress, force });
    try {
      if (type === sourceType)
        return await writeSlice(await planSlice(subject.base, subject.view), output, work);
      const { metadata } = await tokenizerOf(subject);
      const importance = choice && (await importanceOf(subject, choice, { ...work, force }));
      const options = {
        ...work,
        type: type as GgufTypeChoice,
        plan: subject.plan,
        tokenizer: metadata,
        importance,
      };
      return await writeGguf(subject.view, output, options);
    } finally {
      await output.abandon();
    }
  },
};

/** Tokenizers by the models that they belong to: large ones take seconds, and are asked for before and while writing. */
const described = new WeakMap<Model, Promise<GgufTokenizer>>();

async function tokenizerIn(base: Model): Promise<GgufTokenizer> {
  const copied = await copiedTokenizer(base);
  return copied ?? ggufTokenizer(base, await readChatTemplates(base.source.directory));
}

function tokenizerOf({ base }: ExportSubject): Promise<GgufTokenizer> {
  const known = described.get(base);
  if (known) return known;
  const found = tokenizerIn(base);
  described.set(base, found);
  return found;
}
