import { throwIfAborted, type Work } from '@moepress/core';

/**
 * Calls `run` with every item, at most `workers` at once. The first failure aborts what runs, waits until it has
 * stopped, and is thrown.
 */
export async function mapConcurrent<Item>(
  items: readonly Item[],
  { workers, signal }: { readonly workers: number; readonly signal?: AbortSignal | undefined },
  run: (item: Item, work: Work) => Promise<void>,
): Promise<void> {
  const failure = new AbortController();
  const work = { signal: AbortSignal.any([...(signal ? [signal] : []), failure.signal]) };
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) {
      throwIfAborted(work.signal);
      await run(item, work);
    }
  };
  await Promise.all(
    Array.from({ length: workers }, () => worker().catch((error: unknown) => failure.abort(error))),
  );
  if (failure.signal.aborted) throw failure.signal.reason;
}

/** A serial queue: each task starts when all before it have ended, successfully or not. */
export function serialQueue() {
  let last: Promise<unknown> = Promise.resolve();
  return <Result>(run: () => Promise<Result>): Promise<Result> => {
    const result = last.then(run);
    last = result.catch(() => {});
    return result;
  };
}
