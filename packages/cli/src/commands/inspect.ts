import { type FoundMethod, MoepressError } from '@moepress/core';
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
  const inspection = inspectModel(model, await findMethods(context));
  context.print(renderInspection(inspection), inspection);
}

/** All installed methods; a broken plugin costs its own methods and a warning. */
async function findMethods({ registry, work }: Context): Promise<FoundMethod[]> {
  const methods: FoundMethod[] = [];
  for (const name of await registry.methods()) {
    try {
      methods.push(await registry.find(name));
    } catch (error) {
      if (!MoepressError.isInstance(error)) throw error;
      const where = error.where === undefined ? '' : ` (${error.where})`;
      work.progress({ type: 'warning', message: `${name} is left out: ${error.message}${where}` });
    }
  }
  return methods;
}
