import type { ProgressEvent } from '@moepress/core';
import { expect, it } from 'vitest';
import { Engine } from './engine.js';

it('keeps counting what larger runs have left, and results up to what waits', async () => {
  await using engine = new Engine({ workers: 0, fixed: 1000, memory: 1e9 });
  const told: number[] = [];
  const progress = (event: ProgressEvent) => {
    if (event.type === 'memory') told.push(event.predicted);
  };
  const yielded = (bytes: number) => new Map([[0, bytes]]);
  engine.reportMemory({ runs: 300, held: 20, yielded: yielded(5) }, progress);
  engine.reportMemory({ runs: 100, held: 10, yielded: yielded(5) }, progress);
  engine.reportMemory({ runs: 400, held: 0, yielded: yielded(Number.POSITIVE_INFINITY) }, progress);
  expect(told).toEqual([1325, 1320, 1400 + 64 * 2 ** 20]);
});
