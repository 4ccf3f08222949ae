import type { Router } from '@moepress/core';
import { GraphBuilder } from '@moepress/graph';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tensor } from '../../engine/protocol.js';
import { EngineWorker } from '../../engine/worker.js';
import { runGraph } from '../../testing/run-graph.js';
import { selectSlots } from './select.js';

let worker: EngineWorker;
beforeAll(() => {
  worker = new EngineWorker(1);
});
afterAll(() => worker.dispose());

const slots = 8;
type Rule = Pick<Router, 'topK' | 'groups'>;

/** Scores as they come out of a graph, and the slots chosen of each. */
async function select(rule: Rule, scores: Float32Array): Promise<{ selected: number[]; scores: number[] }> {
  const graph = new GraphBuilder('select');
  const input = graph.input('scores', 'float32', ['T', slots]);
  const chosen = selectSlots(input, { ...rule, selectionBias: null } as Router);
  graph.output('selected', chosen.selected);
  graph.output('chosen', chosen.scores);
  const feeds = { scores: tensor('float32', [scores.length / slots, slots], scores) };
  const results = await runGraph(worker, graph.finish(), feeds);
  return {
    selected: [...(results.selected!.data as BigInt64Array)].map(Number),
    scores: [...(results.chosen!.data as Float32Array)],
  };
}

/** The definition, for one token. */
function expected({ topK, groups }: Rule, scores: readonly number[]): number[] {
  const { count, selected, by } = groups!;
  const size = slots / count;
  const worth = Array.from({ length: count }, (_, g) => {
    const own = scores.slice(g * size, (g + 1) * size).sort((a, b) => b - a);
    return by === 'max' ? own[0]! : Math.fround(own[0]! + own[1]!);
  });
  const best = [...worth.keys()].sort((a, b) => worth[b]! - worth[a]!).slice(0, selected);
  return [...scores.keys()]
    .filter((slot) => best.includes(Math.floor(slot / size)))
    .sort((a, b) => scores[b]! - scores[a]!)
    .slice(0, topK);
}

const distinct = fc
  .uniqueArray(fc.integer({ min: 1, max: 1 << 12 }), { minLength: slots, maxLength: slots })
  // Bent, so that sums of two differ as well.
  .map((numbers) => numbers.map((n) => Math.fround(n ** 2 / 2 ** 25 + n / 2 ** 13)));

describe.each([
  { topK: 3, groups: { count: 4, selected: 2, by: 'max' } },
  { topK: 3, groups: { count: 4, selected: 2, by: 'top-2-sum' } },
  { topK: 4, groups: { count: 2, selected: 1, by: 'top-2-sum' } },
] as const)('$topK slots within $groups.selected of $groups.count groups by $groups.by', (rule) => {
  it('are the highest there, by descending score', async () => {
    await fc.assert(
      fc.asyncProperty(distinct, async (scores) => {
        const found = await select(rule, Float32Array.from(scores));
        const slotsWanted = expected(rule, scores);
        expect(found.scores).toEqual(slotsWanted.map((slot) => scores[slot]));
        expect(found.selected).toEqual(slotsWanted);
      }),
      { numRuns: 25 },
    );
  });
});
