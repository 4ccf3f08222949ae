import { type Expert, sharedScales } from '@moepress/core';
import type { ExpertChannels } from './channels.js';

/** Channels that share scales in some matrix of an expert, and so keep their codes only together; 1: each has its own. */
function blockOf({ gate, up, down }: Expert): number {
  return Math.max(gate ? sharedScales(gate, 0) : 1, sharedScales(up, 0), sharedScales(down, 1));
}

/** The size of blocks of a model: as the option says, or the most channels that share scales in its quantised weights. */
export const blockSize = (experts: readonly ExpertChannels[], wanted: number | 'stored'): number =>
  wanted === 'stored' ? experts.reduce((most, { expert }) => Math.max(most, blockOf(expert)), 1) : wanted;

/** Scores of channels, each that of its block: the mean of those in it. Blocks begin at the first channel of an expert. */
export function blockMeans(
  experts: readonly ExpertChannels[],
  scores: Float64Array,
  size: number,
): Float64Array {
  if (size === 1) return scores;
  const means = new Float64Array(scores.length);
  for (const { start, expert } of experts) {
    for (let from = start; from < start + expert.width; from += size) {
      const to = Math.min(from + size, start + expert.width);
      const block = scores.subarray(from, to);
      means.fill(block.reduce((sum, score) => sum + score, 0) / block.length, from, to);
    }
  }
  return means;
}

/**
 * The best blocks of an expert, as many as fill `width`, a multiple of `size` or all: their channels, ascending, by their
 * numbers in the model. `scores` are those of blocks; of equal ones the first goes first.
 */
export function bestBlocks(
  { start, expert }: ExpertChannels,
  scores: Float64Array,
  { width, size }: { readonly width: number; readonly size: number },
): Uint32Array {
  if (width === expert.width) return channels(start, width);
  const whole = Array.from({ length: Math.floor(expert.width / size) }, (_, block) => start + block * size);
  const best = whole.toSorted((a, b) => scores[b]! - scores[a]! || b - a).slice(0, width / size);
  return Uint32Array.from(best.toSorted((a, b) => a - b).flatMap((from) => [...channels(from, size)]));
}

const channels = (from: number, count: number): Uint32Array =>
  Uint32Array.from({ length: count }, (_, i) => from + i);
