import type { Redis } from 'ioredis';

/** Seconds that results are kept after the last of them arrived: a week. */
const kept = 7 * 24 * 60 * 60;

/** The results of all machines: one hash, from job to result. */
export class SharedResults {
  readonly #redis: Redis;
  readonly #key: string;

  constructor(redis: Redis, name: string) {
    this.#redis = redis;
    this.#key = `moepress:results:${name}`;
  }

  /** The results of those jobs that have finished. */
  async read(jobs: readonly string[]): Promise<Map<string, Buffer>> {
    const found = new Map<string, Buffer>();
    // One by one: a result may have megabytes, and most of the time none is there.
    for (const job of jobs) {
      const result = await this.#redis.hgetBuffer(this.#key, job);
      if (result !== null) found.set(job, result);
    }
    return found;
  }

  async has(job: string): Promise<boolean> {
    return (await this.#redis.hexists(this.#key, job)) === 1;
  }

  /** The first result of a job stays, so that all machines get the same one. */
  async write(job: string, result: Uint8Array): Promise<void> {
    await this.#redis.hsetnx(this.#key, job, Buffer.from(result));
    await this.#redis.expire(this.#key, kept);
  }
}
