import { throwIfAborted, type Work } from '@moepress/core';

/**
 * Runs `work` on every item, at most `lanes` at once. The first failure aborts what runs, waits until it has
 * stopped, and is thrown.
 */
export async function inLanes<Item>(
  items: readonly Item[],
  lanes: number,
  signal: AbortSignal,
  run: (item: Item, work: Work) => Promise<void>,
): Promise<void> {
  const failure = new AbortController();
  const work = { signal: AbortSignal.any([signal, failure.signal]) };
  const queue = items.values();
  const lane = async () => {
    for (const item of queue) {
      throwIfAborted(work.signal);
      await run(item, work);
    }
  };
  await Promise.all(
    Array.from({ length: lanes }, () => lane().catch((error: unknown) => failure.abort(error))),
  );
  if (failure.signal.aborted) throw failure.signal.reason;
}

/** Queues what it is given: each starts when all before it have ended, however they ended. */
export function oneAfterTheOther() {
  let last: Promise<unknown> = Promise.resolve();
  return <Result>(run: () => Promise<Result>): Promise<Result> => {
    const result = last.then(run);
    last = result.catch(() => {});
    return result;
  };
}
