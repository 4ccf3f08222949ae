import type { MoeBlock } from '../model/walk.js';
import { type Dropping, mostSteps, shareOf } from './droppable.js';

/**
 * Steps of each layer such that layers differ, as a budget that is not uniform may leave them, and as many in all as the ratio
 * stands for; where a budget says itself how much goes, as few as make layers differ.
 */
export function unevenly(blocks: readonly MoeBlock[], dropping: Dropping): number[] {
  const steps = blocks.map(({ ffn }) => Math.min(shareOf(ffn, dropping), mostSteps(ffn, dropping)));
  const wanted = blocks.reduce((sum, { ffn }) => sum + shareOf(ffn, dropping), dropping.setsSize ? 1 : 0);
  let missing = wanted - steps.reduce((sum, own) => sum + own, 0);
  for (const [i, { ffn }] of blocks.entries()) {
    const more = Math.min(missing, mostSteps(ffn, dropping) - steps[i]!);
    steps[i]! += more;
    missing -= more;
  }
  if (dropping.setsSize) return steps;
  const first = blocks.findIndex(({ ffn }, i) => steps[i]! < mostSteps(ffn, dropping));
  const last = steps.findLastIndex((own) => own > 0);
  if (first < 0 || last < 0 || first === last) return steps;
  steps[first]! += 1;
  steps[last]! -= 1;
  return steps;
}
