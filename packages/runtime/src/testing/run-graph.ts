import type { GraphIR } from '@moepress/graph';
import type { Feeds } from '../engine/handles.js';
import type { Results } from '../engine/protocol.js';
import { EngineScope } from '../engine/scope.js';
import type { EngineWorker } from '../engine/worker.js';

/** All outputs of one run of a graph in a worker. */
export async function runGraph(worker: EngineWorker, graph: GraphIR, feeds: Feeds): Promise<Results[number]> {
  return new EngineScope([worker]).with(graph, async (session) => {
    const [results] = await worker.run([{ session, feeds, fetch: session.outputs }]);
    return results!;
  });
}
