import type { ProgressEvent } from '@moepress/core';
import { expect, it } from 'vitest';
import { Engine } from './engine.js';

it('keeps counting what larger runs have left, what stays open, and results up to what waits', async () => {
  await using engine = new Engine({ workers: 0, fixed: 1000, memory: 1e9 });
  const told: number[] = [];
  const progress = (event: ProgressEvent) => {
    if (event.type === 'memory') told.push(event.predicted);
  };
  const yielded = (bytes: number) => new Map([[0, bytes]]);
  engine.reportMemory({ runs: 300, held: 20, yielded: yielded(5) }, progress);
  engine.reportMemory({ runs: 100, held: 10, yielded: yielded(5) }, progress);
  engine.reportMemory({ runs: 400, held: 0, yielded: yielded(Number.POSITIVE_INFINITY) }, progress);
  const [fixed, waiting] = [1000, 64 * 2 ** 20];
  expect(told).toEqual([fixed + 325, fixed + 320, fixed + 400 + waiting]);
  // The same decoder again, another one, and a call that uses none of them.
  for (const part of ['few', 'few', 'divided']) {
    engine.reportMemory({ runs: 0, held: 0, yielded: new Map(), stays: new Map([[part, 70]]) }, progress);
  }
  engine.reportMemory({ runs: 0, held: 0, yielded: new Map() }, progress);
  expect(told.slice(3)).toEqual([470, 470, 540, 540].map((bytes) => fixed + waiting + bytes));
});
