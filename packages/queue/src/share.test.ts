import { setTimeout } from 'node:timers/promises';
import { MoepressError } from '@moepress/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { shareJobs } from './share.js';
import { findRedis, type RedisServer, startRedis } from './testing/redis.js';

const program = findRedis();
const jobs = Array.from({ length: 12 }, (_, i) => `job${i}`);
const textOf = (results: ReadonlyMap<string, string>) =>
  [...results].sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }));

describe.runIf(program)('shareJobs', () => {
  let server: RedisServer;
  beforeEach(async () => {
    server = await startRedis(program!);
  });
  afterEach(() => server.stop());

  /** A machine, what it ran and what it was told. */
  function machine(run: (job: string, signal: AbortSignal) => Promise<string>, more = {}) {
    const [ran, results] = [[] as string[], new Map<string, string>()];
    const done = shareJobs({
      url: server.url,
      name: 'test',
      jobs,
      stalledAfter: 1000,
      async run(job, signal) {
        ran.push(job);
        return Buffer.from(await run(job, signal));
      },
      async onResult(job, result) {
        results.set(job, result.toString());
      },
      ...more,
    });
    return { ran, results, done };
  }
  const slowly = async (job: string) => {
    await setTimeout(20);
    return `result of ${job}`;
  };
  const all = jobs.map((job) => [job, `result of ${job}`]);

  it('does each job once and tells all machines of all results', async () => {
    const machines = [machine(slowly), machine(slowly, { concurrency: 2 })];
    await Promise.all(machines.map(({ done }) => done));
    for (const { results } of machines) expect(textOf(results)).toEqual(all);
    expect(machines.flatMap(({ ran }) => ran).sort()).toEqual([...jobs].sort());
    for (const { ran } of machines) expect(ran.length).toBeGreaterThan(0);

    // One that comes when all is done.
    const late = machine(slowly);
    await late.done;
    expect(late.ran).toEqual([]);
    expect(textOf(late.results)).toEqual(all);
  });

  it('computes nothing that a machine brings along', async () => {
    const known = async (job: string) => (job < 'job5' ? Buffer.from(`result of ${job}`) : null);
    const first = machine(slowly, { known });
    await first.done;
    expect(first.ran.sort()).toEqual(jobs.filter((job) => job >= 'job5').sort());
    expect(textOf(first.results)).toEqual(all);
  });

  it('tries again what fails in passing, and tells of what fails for good', async () => {
    let failures = 2;
    const passing = machine(async (job) => {
      if (job === 'job3' && failures-- > 0) throw new Error('not now');
      return slowly(job);
    });
    await passing.done;
    expect(passing.ran.filter((job) => job === 'job3')).toHaveLength(3);

    const wrong = new MoepressError('RATIO_TOO_HIGH', { message: 'Too high.', where: 'conmoe' });
    const more = { name: 'other' };
    const bad = async (job: string) => {
      if (job === 'job3') throw wrong;
      return slowly(job);
    };
    const machines = [machine(bad, more), machine(bad, more)];
    const failed = await Promise.all(machines.map(({ done }) => done.catch((error: unknown) => error)));
    for (const error of failed) expect(error).toMatchObject(wrong.toJSON());
    // Another run gives it another chance.
    const repaired = machine(slowly, more);
    await repaired.done;
    expect(textOf(repaired.results)).toEqual(all);
  });

  it('hands jobs back when it is stopped', async () => {
    const stop = new AbortController();
    const stopped = machine(
      async (_job, signal) => {
        queueMicrotask(() => stop.abort());
        await setTimeout(60_000, undefined, { signal });
        return '';
      },
      // So long that no lock can run out here.
      { signal: stop.signal, stalledAfter: 600_000 },
    );
    await expect(stopped.done).rejects.toMatchObject({ code: 'ABORTED' });
    const other = machine(slowly);
    await other.done;
    expect(other.ran).toContain(stopped.ran[0]);
  });

  it('can be stopped while the server is away', async () => {
    const stop = new AbortController();
    const waiting = machine(slowly, { signal: stop.signal });
    await setTimeout(100);
    await server.stop();
    await setTimeout(100);
    stop.abort();
    await expect(waiting.done).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('goes on when the server has forgotten everything', async () => {
    const flushed = machine(slowly);
    await setTimeout(100);
    const { Redis } = await import('ioredis');
    const redis = new Redis(server.url);
    await redis.flushall();
    redis.disconnect();
    await flushed.done;
    expect(textOf(flushed.results)).toEqual(all);
  });
});

describe('shareJobs without a server', () => {
  const nothing = {
    name: 'test',
    jobs: [],
    run: async () => Buffer.of(),
    onResult: async () => {},
  };

  it('says where it looked, and not with which password', async () => {
    const done = shareJobs({ ...nothing, url: 'redis://me:secret@127.0.0.1:1' });
    await expect(done).rejects.toMatchObject({
      code: 'SERVER_UNREACHABLE',
      message: expect.stringContaining('ECONNREFUSED'),
      where: 'redis://***@127.0.0.1:1',
    });
  });

  it.each(['localhost:6379', 'http://host', ''])('refuses the address %j', async (url) => {
    await expect(shareJobs({ ...nothing, url })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });
});
