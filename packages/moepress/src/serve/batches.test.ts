import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Batches } from './batches.js';

const open = new AbortController().signal;

/** An engine that takes a moment, doubles numbers and notes what it was given at once. */
function engine() {
  const batches = new Batches();
  const calls: string[][] = [];
  const ask = (kind: string, items: readonly string[], signal = open) =>
    batches.ask(
      kind,
      items,
      async (together, stop) => {
        calls.push([...together]);
        await setTimeout(5, undefined, { signal: stop });
        if (together.includes('bad')) throw new Error('bad');
        return together.map((item) => `${kind} ${item}`);
      },
      signal,
    );
  return { batches, calls, ask };
}

describe('Batches', () => {
  it('answers together what waits together and is of one kind', async () => {
    const { calls, ask, batches } = engine();
    const first = ask('a', ['1']);
    await setTimeout(1);
    const later = [ask('a', ['2', '3']), ask('b', ['4']), ask('a', ['5']), ask('b', ['6'])];
    expect(await first).toEqual(['a 1']);
    expect(await Promise.all(later)).toEqual([['a 2', 'a 3'], ['b 4'], ['a 5'], ['b 6']]);
    expect(calls).toEqual([['1'], ['2', '3', '5'], ['4', '6']]);
    await batches.drain();
    expect(await ask('b', ['7'])).toEqual(['b 7']);
  });

  it('does not answer more at once than there is room for', async () => {
    const { calls, ask } = engine();
    const long = 'x'.repeat(40_000);
    await Promise.all([ask('a', [long]), ask('a', ['2']), ask('a', [long]), ask('a', ['4'])]);
    expect(calls.map((items) => items.map(({ length }) => length))).toEqual([[40_000, 1, 1], [40_000]]);
  });

  it('answers the others when one cannot be answered', async () => {
    const { ask } = engine();
    const settled = await Promise.allSettled([ask('a', ['1']), ask('a', ['bad']), ask('a', ['3'])]);
    expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  it('does not start for those who have left, and stops when all have', async () => {
    const { calls, ask } = engine();
    const [gone, leaving, staying] = [new AbortController(), new AbortController(), new AbortController()];
    const first = ask('a', ['1'], leaving.signal);
    await setTimeout(1);
    const others = [ask('a', ['2'], gone.signal), ask('a', ['3'], staying.signal)];
    gone.abort();
    leaving.abort();
    await expect(first).rejects.toThrow();
    await expect(others[0]).rejects.toThrow();
    expect(await others[1]).toEqual(['a 3']);
    expect(calls).toEqual([['1'], ['3']]);
  });

  it('goes on while one of those it works for is there', async () => {
    const { ask } = engine();
    const leaving = new AbortController();
    const both = [ask('a', ['1'], leaving.signal), ask('a', ['2'])];
    await setTimeout(1);
    leaving.abort();
    expect(await both[1]).toEqual(['a 2']);
  });

  it('keeps the line short', async () => {
    const { ask } = engine();
    const asked = Array.from({ length: 1024 }, (_, i) => ask('a', [`${i}`]));
    expect(() => ask('a', ['x'])).toThrow(expect.objectContaining({ status: 503 }));
    await Promise.all(asked);
  });
});
