import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { temporaryFolder } from '../support.test.util.js';
import { ConfinedThread } from './confined-thread.js';

const bounds = { patience: 150, memory: 64 };
const worker = new URL('./confined-worker.js', import.meta.url);

/** A thread that can go wrong in every way. */
async function thread(): Promise<ConfinedThread> {
  const script = join(await temporaryFolder(), 'script.mjs');
  await writeFile(
    script,
    `import { answerConfined } from ${JSON.stringify(worker.href)};
    let asked = 0;
    answerConfined((data) => ({
      double: (x) => 2 * x,
      data: () => data,
      count: () => ++asked,
      regex: (text) => /^(a+)+$/.test(text),
      loop: () => { for (;;); },
      fill: () => { const all = []; for (;;) all.push(new Array(1e5).fill(all.length)); },
      deep: () => { const go = (x) => [go(x)]; return go(1); },
      fail: () => { throw new TypeError('so it is'); },
    }));`,
  );
  const made = new ConfinedThread(pathToFileURL(script), 'given', 400);
  onTestFinished(() => made.close());
  return made;
}

it('answers, in order and at once', async () => {
  const asked = await thread();
  const numbers = [1, 2, 3].map((x) => asked.ask('double', x, bounds));
  expect(asked.askNow('double', 10, bounds)).toBe(20);
  expect(await Promise.all(numbers)).toEqual([2, 4, 6]);
  expect(await asked.ask('data', null, bounds)).toBe('given');
});

it.each(['regex', 'loop', 'fill', 'deep', 'fail'])('goes on after what goes wrong: %s', async (task) => {
  const asked = await thread();
  const argument = `${'a'.repeat(40)}b`;
  const reason = { regex: 'time', loop: 'time', fill: 'memory', deep: 'failed', fail: 'failed' }[task];
  const failed = asked.ask(task, argument, bounds);
  const others = [asked.ask('double', 1, bounds), asked.ask('double', 2, bounds)];
  await expect(failed).rejects.toMatchObject({ reason });
  expect(await Promise.all(others)).toEqual([2, 4]);
  // One who waits is not told of memory; of a thread that is gone it learns by its rest.
  const message = reason === 'failed' ? /^(so it is|Maximum call)/ : /^it (took|ended)/;
  expect(() => asked.askNow(task, argument, bounds)).toThrow(message);
  expect(asked.askNow('double', 3, bounds)).toBe(6);
});

it('is a new one after one that was stopped, or has too little memory', async () => {
  const asked = await thread();
  const count = (memory: number) => asked.ask('count', null, { ...bounds, memory });
  expect(await count(64)).toBe(1);
  expect(await count(32)).toBe(2);
  expect(await count(128)).toBe(1);
  await expect(asked.ask('loop', null, bounds)).rejects.toThrow();
  expect(await count(64)).toBe(1);
});

it('hears a signal', async () => {
  const asked = await thread();
  const stop = new AbortController();
  const stopped = asked.ask('loop', null, { patience: 1e6, memory: 64, signal: stop.signal });
  const waiting = asked.ask('loop', null, { patience: 1e6, memory: 64, signal: stop.signal });
  setTimeout(() => stop.abort(new Error('enough')), 50);
  await expect(stopped).rejects.toThrow('enough');
  await expect(waiting).rejects.toThrow('enough');
  expect(await asked.ask('double', 4, bounds)).toBe(8);
});
