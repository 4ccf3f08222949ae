import type { Model } from '@moepress/core';
import { cast, GraphBuilder, type GraphIR, gather, storedWeight } from '@moepress/graph';

/** `ids` int32 [T] to `hidden` [T, H]. The processor picks the rows, so that no device needs the whole table. */
export function embedGraph(model: Model): GraphIR {
  const graph = new GraphBuilder('embed');
  const ids = graph.input('ids', 'int32', ['T']);
  const hidden = graph.onHost(() => cast(gather(storedWeight(graph, model.embed), ids), 'float32'));
  graph.output('hidden', hidden, { onDevice: true });
  return graph.finish();
}
