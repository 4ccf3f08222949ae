import type { CompareRequest, MethodTools, ViewDistances } from '@moepress/core';

/** Gives a job tools of its own. */
export type Wrap = (tools: MethodTools) => MethodTools;

export type Job<T> = (wrap: Wrap) => Promise<T>;

/** A job that waits for the distances of its views. */
interface Waiting {
  readonly job: number;
  readonly request: CompareRequest;
  readonly tools: MethodTools;
  resolve(distances: ViewDistances): void;
  reject(error: unknown): void;
}

/**
 * Does several jobs on one engine, where their calls take turns. A job that compares views of the model waits until all
 * others do so or are done; then the model runs once for all of these views and not once for each job. Throws the first
 * failure when all have ended; after it no views are compared any more.
 */
export async function batchViewComparisons<T>(jobs: readonly Job<T>[]): Promise<T[]> {
  /** Jobs that neither wait nor are done. */
  const working = new Set(jobs.keys());
  let waiting: Waiting[] = [];
  let failure: { readonly error: unknown } | null = null;

  const compareWaiting = async () => {
    const round = waiting;
    waiting = [];
    for (const { job } of round) working.add(job);
    try {
      if (failure) throw failure.error;
      const distances = await compareAll(round);
      for (const one of round) one.resolve(distances.get(one)!);
    } catch (error) {
      for (const one of round) one.reject(error);
    }
  };
  const rest = (job: number) => {
    working.delete(job);
    // A job may ask for several comparisons at once.
    queueMicrotask(() => {
      if (working.size === 0 && waiting.length > 0) compareWaiting();
    });
  };
  const wrapOf =
    (job: number): Wrap =>
    (tools) =>
      exceptInReplays(tools, (request) => {
        const distances = new Promise<ViewDistances>((resolve, reject) => {
          waiting.push({ job, request, tools, resolve, reject });
        });
        rest(job);
        return distances;
      });
  const run = async (work: Job<T>, job: number): Promise<T> => {
    try {
      return await work(wrapOf(job));
    } catch (error) {
      failure ??= { error };
      throw failure.error;
    } finally {
      rest(job);
    }
  };
  const outcomes = await Promise.allSettled(jobs.map(run));
  return outcomes.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  });
}

/** Tools whose comparisons wait, but not while a layer is replayed: that has the engine until it ends. */
function exceptInReplays(tools: MethodTools, wait: MethodTools['compareViews']): MethodTools {
  let replays = 0;
  return {
    ...tools,
    async replayLayers(request, visit) {
      replays++;
      await tools.replayLayers(request, visit).finally(() => {
        replays--;
      });
    },
    compareViews: (request) => (replays > 0 ? tools.compareViews(request) : wait(request)),
  };
}

/** The runs of a block are those of all who share them. */
async function compareAll(round: readonly Waiting[]): Promise<Map<Waiting, ViewDistances>> {
  const distances = new Map<Waiting, ViewDistances>();
  for (const criterion of new Set(round.map(({ request }) => request.criterion))) {
    const same = round.filter(({ request }) => request.criterion === criterion);
    const [{ tools, request }] = same as [Waiting];
    const views = same.flatMap((one) => one.request.views);
    const all = await tools.compareViews({ ...request, views });
    let from = 0;
    for (const one of same) {
      const to = from + one.request.views.length;
      distances.set(one, { ...all, distances: all.distances.slice(from, to) });
      from = to;
    }
  }
  return distances;
}
