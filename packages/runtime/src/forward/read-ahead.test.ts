import { openModel } from '@moepress/checkpoint';
import { blockTensors, storedIn } from '@moepress/core';
import { expect, it } from 'vitest';
import { fixtures } from '../testing/golden.js';
import { readAhead } from './read-ahead.js';

const { blocks } = await openModel((await fixtures[0]!.load()).model);
const block = blocks[0]!;

it('reads every stretch of a block once, unless it was in memory', async () => {
  const stored = blockTensors(block).flatMap((expr) => [...storedIn(expr)]);
  const lengths = new Map(stored.map(({ file, offset, length }) => [`${file}:${offset}`, length]));
  const bytes = await readAhead(block).done;
  expect(bytes).toBeGreaterThan(0);

  expect(lengths.size).toBeGreaterThan(8);
  expect(bytes).toBeLessThanOrEqual([...lengths.values()].reduce((sum, n) => sum + n, 0));
});

it('ends when told to, and has nothing to do without a block', async () => {
  const ahead = readAhead(block);
  await ahead.stop();
  expect(await readAhead(undefined).done).toBe(0);
});

it('does not mind a file that is gone', async () => {
  const gone = JSON.parse(JSON.stringify(block), (key, value) => (key === 'file' ? '/nowhere' : value));
  expect(await readAhead(gone).done).toBe(0);
});
