import type { Model, Value } from '@moepress/core';
import { cast, GraphBuilder, type GraphIR, timesNumber, weightRows } from '@moepress/graph';

/** The rows of tokens `ids` int32 [T], [T, H]. */
export function embedded(ids: Value, { embed, config }: Model): Value {
  const found = cast(weightRows(ids.graph, embed, ids), 'float32');
  return config.multipliers ? timesNumber(found, config.multipliers.embedding) : found;
}

/** `ids` int32 [T] to `hidden` [T, H]. The processor picks the rows, so that no device needs the whole table. */
export function embedGraph(model: Model): GraphIR {
  const graph = new GraphBuilder('embed');
  const ids = graph.input('ids', 'int32', ['T']);
  const hidden = graph.onHost(() => embedded(ids, model));
  graph.output('hidden', hidden, { onDevice: true });
  return graph.finish();
}
