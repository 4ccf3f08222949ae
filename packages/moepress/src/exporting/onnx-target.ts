import type { Model } from '@moepress/core';
import { onnxBytes, onnxSupport, writeOnnx } from '@moepress/export';
import { type CarriedType, carriedTypes } from '@moepress/graph';
import { portableGraph } from '@moepress/runtime';
import { claimFolder } from '../files/output.js';
import type { ExportTarget } from './export-target.js';

/** One graph with its weights and a cache of keys and values, for transformers.js and whatever runs ONNX Runtime. */
export const onnxTarget: ExportTarget = {
  name: 'onnx',
  output: 'folder',
  types: carriedTypes,
  outlook: ({ view }, { type }) => ({
    engines: onnxSupport(view),
    bytes: onnxBytes(portableGraph(view, type as CarriedType)),
    notes: unreadNotes(view),
  }),
  async write({ view, base, plan }, out, { type: chosen, force, ...work }) {
    const type = chosen as CarriedType;
    const graph = portableGraph(view, type);
    const output = await claimFolder(out, 'onnx', { progress: work.progress, force });
    try {
      return await writeOnnx(view, { type, graph }, output, { ...work, plan, base });
    } finally {
      await output.abandon();
    }
  },
};

function unreadNotes({ source: { unread } }: Model): string[] {
  const [first] = unread;
  if (!first) return [];
  const count = unread.length === 1 ? 'A tensor' : `${unread.length} tensors`;
  return [`${count} that text is not computed with will be left out: ${first.name}.`];
}
