import { attentionBlocks, type Model } from '@moepress/core';
import { paddedDimOf } from '../../decoder/attention/heads.js';
import type { Engine } from '../../engine/engine.js';
import { batchSequences } from '../../tokens/batch-sequences.js';
import { type Layout, layOut } from '../../tokens/token-layout.js';
import type { Decoding } from '../decoding.js';

type Prompts = readonly (readonly number[])[];

/** Sequences decoded side by side. */
const maxSequences = 512;

/** How many sequences' keys and values fit in so many bytes when all are continued by `newTokens`. */
export function sequencesWithin(bytes: number, model: Model, prompts: Prompts, newTokens: number): number {
  const longest = Math.max(0, ...prompts.map((ids) => ids.length)) + newTokens;
  const numbers = attentionBlocks(model).reduce(
    (sum, { attention }) => sum + 2 * attention.kvHeads * paddedDimOf(attention),
    0,
  );
  const each = numbers * Float32Array.BYTES_PER_ELEMENT * longest;
  return Math.max(1, Math.min(maxSequences, Math.floor(bytes / each)));
}

/** Batches of at most so many prompts, spread over the engine's workers. */
export function promptBatches(
  engine: Engine,
  { config: { heads } }: Model,
  prompts: Prompts,
  most: number,
): Layout[] {
  const together = Math.min(most, Math.ceil(prompts.length / engine.workers.length));
  return batchSequences(prompts, { ...engine.limits, heads }).flatMap((layout) => {
    const parts: Layout[] = [];
    for (let i = 0; i < layout.sequences.length; i += together) {
      const indices = layout.sequences.slice(i, i + together);
      parts.push(layOut(indices.map((index) => ({ index, ids: prompts[index]! }))));
    }
    return parts;
  });
}

/** What the next step computes: the prompts, then the newest token of each sequence. */
export function nextLayout({ indices, newest, past }: Decoding, prompts: Layout): Layout {
  if (!newest) return prompts;
  return layOut(
    indices.map((index, b) => ({ index, ids: [newest[b]!] })),
    { starts: past },
  );
}
