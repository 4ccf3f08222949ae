/**
 * Runs at most `limit` of the tasks at once, in order, and gives their results in order. The first failure
 * keeps the rest from starting, aborts the signal of those that run and is thrown.
 */
export async function runConcurrently<Item, Result>(
  items: readonly Item[],
  limit: number,
  run: (item: Item, signal: AbortSignal) => Promise<Result>,
): Promise<Result[]> {
  const failed = new AbortController();
  const results = new Array<Result>(items.length);
  const queue = items.entries();
  const worker = async () => {
    for (const [index, item] of queue) {
      if (failed.signal.aborted) return;
      results[index] = await run(item, failed.signal);
    }
  };
  const workers = Array.from({ length: limit }, () =>
    worker().catch((error: unknown) => {
      failed.abort();
      throw error;
    }),
  );
  await settle(workers);
  return results;
}

/** Waits for all, then throws what failed first. */
async function settle(workers: readonly Promise<void>[]): Promise<void> {
  try {
    await Promise.all(workers);
  } finally {
    await Promise.allSettled(workers);
  }
}
