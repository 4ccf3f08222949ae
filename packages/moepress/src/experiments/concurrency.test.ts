import { expect, it } from 'vitest';
import { mapConcurrent, serialQueue } from './concurrency.js';

it('runs as many at once as there are workers', async () => {
  let [running, most] = [0, 0];
  const done: number[] = [];
  await mapConcurrent([1, 2, 3, 4, 5], { workers: 2 }, async (item) => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, 5));
    running--;
    done.push(item);
  });
  expect(most).toBe(2);
  expect(done.sort()).toEqual([1, 2, 3, 4, 5]);
});

it('stops the others when one fails, and waits for them', async () => {
  const stopped: number[] = [];
  const run = mapConcurrent([1, 2, 3], { workers: 2 }, async (item, { signal }) => {
    if (item === 1) throw new Error('one');
    await new Promise((resolve) => signal!.addEventListener('abort', resolve));
    stopped.push(item);
  });
  await expect(run).rejects.toThrow('one');
  expect(stopped).toEqual([2]);
});

it('starts nothing once stopped', async () => {
  const started: number[] = [];
  const run = mapConcurrent(
    [1],
    { workers: 1, signal: AbortSignal.abort() },
    async (item) => void started.push(item),
  );
  await expect(run).rejects.toMatchObject({ code: 'ABORTED' });
  expect(started).toEqual([]);
});

it('runs one after the other, also after a failure', async () => {
  const queued = serialQueue();
  const log: string[] = [];
  const job = (name: string, milliseconds: number) =>
    queued(async () => {
      log.push(`${name} starts`);
      await new Promise((resolve) => setTimeout(resolve, milliseconds));
      log.push(`${name} ends`);
      if (name === 'first') throw new Error(name);
    });
  const results = await Promise.allSettled([job('first', 5), job('second', 0)]);
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
  expect(log).toEqual(['first starts', 'first ends', 'second starts', 'second ends']);
});
