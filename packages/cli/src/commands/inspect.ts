import type { Context } from '../context.js';
import { inspectModel } from '../inspect.js';
import { renderInspection } from '../inspect-text.js';
import { openView } from '../source/model.js';

export interface InspectOptions {
  readonly plan?: string;
  readonly revision?: string;
}

/** `moepress inspect <model>` */
export async function inspect(id: string, options: InspectOptions, context: Context): Promise<void> {
  const model = await openView(id, { ...options, ...context.work });
  const names = await context.registry.methods();
  const methods = await Promise.all(names.map((name) => context.registry.find(name)));
  const inspection = inspectModel(model, methods);
  context.print(renderInspection(inspection), inspection);
}
