import type { Evidence, ProgressEvent } from '@moepress/core';
import { expertHits } from '@moepress/graph';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evaluate } from './evaluate.js';
import { openModel } from './models/open-model.js';
import { type ModelSession, openSession } from './session.js';

let session: ModelSession;
beforeAll(async () => {
  session = await openSession(await openModel('tiny'));
});
afterAll(() => session.close());

const set = { source: 'x', seed: 0, sequences: [[5, 6, 7, 8, 9]] };
const hits = ({ layers }: Evidence) => layers.map((layer) => layer.read(expertHits, 'count'));
const responses = { cache: false, limit: 1 } as const;

/** Different uses of one session; `signal` may end one of them. */
const uses: readonly ((signal?: AbortSignal) => Promise<unknown>)[] = [
  async (signal) =>
    (await evaluate(session.model, { session, ...responses, tasks: ['tiny_facts'], signal })).samples,
  async (signal) =>
    (await evaluate(session.model, { session, ...responses, tasks: ['tiny_gsm'], signal })).samples,
  async (signal) => hits(await session.calibrate(set, [expertHits], { signal })),
  async (signal) => session.score([{ ids: [5, 6, 7], from: 1 }], { signal }),
];

describe('uses of a session that overlap', () => {
  it('give what they give alone, also when one of them is aborted', async () => {
    const alone: unknown[] = [];
    for (const use of uses) alone.push(await use());
    expect(await Promise.all(uses.map((use) => use()))).toEqual(alone);
    for (const ended of [0, 2]) {
      const controller = new AbortController();
      const all = uses.map((use, i) => use(i === ended ? controller.signal : undefined));
      controller.abort();
      for (const [i, outcome] of (await Promise.allSettled(all)).entries()) {
        if (i === ended) expect(outcome).toMatchObject({ reason: { code: 'ABORTED' } });
        else expect(outcome).toEqual({ status: 'fulfilled', value: alone[i] });
      }
    }
  });

  it('do not compute at the same time, so that each has the memory it may take', async () => {
    const events: string[] = [];
    const progress = (event: ProgressEvent) => {
      if (event.type === 'start' || event.type === 'end') events.push(`${event.task} ${event.type}`);
    };
    await Promise.all([
      session.calibrate(set, [expertHits], { progress }),
      session.score([{ ids: [5, 6, 7], from: 1 }], { progress }),
    ]);
    const [first, second] = [events.slice(0, 2), events.slice(2)];
    expect(new Set([first.join(), second.join()])).toEqual(
      new Set(['Calibrating start,Calibrating end', 'Scoring start,Scoring end']),
    );
  });

  it('end before it closes; later ones are refused', async () => {
    const own = await openSession(session.model);
    const score = own.score([{ ids: [5, 6, 7], from: 1 }]);
    await own.close();
    expect(await score).toHaveLength(1);
    await expect(own.score([{ ids: [5, 6, 7], from: 1 }])).rejects.toMatchObject({ code: 'SESSION_CLOSED' });
  });

  it('end before it closes with all that they call', async () => {
    const own = await openSession(session.model);
    let begun = () => {};
    const running = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const tasks = ['tiny_facts', 'tiny_gsm'];
    const result = evaluate(session.model, { ...responses, tasks, session: own, onProgress: begun });
    await running;
    await own.close();
    expect(Object.keys((await result).samples)).toEqual(tasks);
    await expect(own.ready()).rejects.toMatchObject({ code: 'SESSION_CLOSED' });
  });
});
