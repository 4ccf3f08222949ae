import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { golden, shared } from '../testing/reference.js';
import { inOrder, longestFirst } from './request-order.js';

const sequences = fc.array(fc.array(fc.nat(3), { maxLength: 4 }), { maxLength: 20 });

it('runs longest first and gives results in the original order', async () => {
  await fc.assert(
    fc.asyncProperty(sequences, async (items) => {
      const results = await inOrder(items, longestFirst(items), async (sorted) => {
        expect(sorted.map(({ length }) => length)).toEqual(
          items.map(({ length }) => length).sort((a, b) => b - a),
        );
        return sorted.map((ids) => ids.join());
      });
      expect(results).toEqual(items.map((ids) => ids.join()));
    }),
  );
});

it('puts sequences with the same beginning side by side', () => {
  const items = [
    [5, 1],
    [9, 9],
    [5, 0],
    [5, 2],
    [1, 1],
  ];
  expect(longestFirst(items).map((i) => items[i])).toEqual([
    [1, 1],
    [5, 0],
    [5, 1],
    [5, 2],
    [9, 9],
  ]);
});

type CollatedRequest = [[string, string], number[], number[]];

interface Line {
  group_by: string | null;
  requests: CollatedRequest[];
  batches: CollatedRequest[][];
}

describe.runIf(shared)('the collator of lm-evaluation-harness', () => {
  it('has the same order', () => {
    for (const { group_by, requests, batches } of golden<Line>('collator.jsonl')) {
      if (group_by !== null) continue;
      const order = longestFirst(requests.map(([, context, continuation]) => [...context, ...continuation]));
      expect(order.map((i) => requests[i])).toEqual(batches.flat());
    }
  });
});
