import type { CompareRequest, MethodTools, ViewDistances } from '@moepress/core';

/** Makes tools of which a piece of work gets its own. */
export type Wrap = (tools: MethodTools) => MethodTools;

export type Piece<T> = (wrap: Wrap) => Promise<T>;

/** A piece that waits for the distances of its views. */
interface Asked {
  readonly piece: number;
  readonly request: CompareRequest;
  readonly tools: MethodTools;
  answer(distances: ViewDistances): void;
}

/**
 * Does several pieces of work on one engine, one at a time: each goes on until it compares views of the model. When
 * all of them wait or are done, all views go up together, so that the model runs once for all of them and not once for
 * each. Rejects with the first failure; who waits then waits forever.
 */
export async function sideBySide<T>(pieces: readonly Piece<T>[]): Promise<T[]> {
  const running: Promise<T>[] = [];
  let asked: Asked[] = [];
  let pause = () => {};
  const turnOf = async (piece: number, go: () => void) => {
    const paused = new Promise<void>((resolve) => {
      pause = resolve;
    });
    go();
    await Promise.race([running[piece], paused]);
  };
  const wrapOf =
    (piece: number): Wrap =>
    (tools) =>
      whereComparisonsWait(tools, (request) => {
        const distances = new Promise<ViewDistances>((answer) => {
          asked.push({ piece, request, tools, answer });
        });
        pause();
        return distances;
      });

  for (const [piece, work] of pieces.entries()) {
    await turnOf(piece, () => {
      running[piece] = work(wrapOf(piece));
    });
  }
  while (asked.length > 0) {
    const round = asked;
    asked = [];
    const distances = await compareAll(round);
    for (const piece of new Set(round.map((one) => one.piece))) {
      const own = round.filter((one) => one.piece === piece);
      await turnOf(piece, () => {
        for (const one of own) one.answer(distances.get(one)!);
      });
    }
  }
  return Promise.all(running);
}

/** But not while a layer is replayed, which keeps the engine to itself. */
function whereComparisonsWait(tools: MethodTools, wait: MethodTools['compareViews']): MethodTools {
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
async function compareAll(round: readonly Asked[]): Promise<Map<Asked, ViewDistances>> {
  const distances = new Map<Asked, ViewDistances>();
  for (const criterion of new Set(round.map(({ request }) => request.criterion))) {
    const same = round.filter(({ request }) => request.criterion === criterion);
    const [{ tools, request }] = same as [Asked];
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
