import { diagnoseCheckpoint } from '@moepress/checkpoint';
import { type FoundMethod, type Model, MoepressError } from '@moepress/core';
import { inspectModel } from '../../src/inspect.js';
import { openView } from '../../src/models/open-model.js';
import type { Context } from '../context.js';
import { renderDiagnosis } from '../text/diagnosis-text.js';
import { renderInspection } from '../text/inspect-text.js';

export interface InspectOptions {
  readonly plan?: string;
  readonly revision?: string;
}

/** `moepress inspect <model>` */
export async function inspect(id: string, options: InspectOptions, context: Context): Promise<void> {
  const model = await openOrSurvey(id, options, context);
  const { otherPlugins } = context;
  const inspection = { ...inspectModel(model, await findMethods(context)), otherPlugins };
  context.print([renderInspection(inspection), ...renderOthers(otherPlugins)].join('\n\n'), inspection);
}

/** A family that is not known is still an error, but one with all that can be said beside it. */
async function openOrSurvey(id: string, options: InspectOptions, context: Context): Promise<Model> {
  try {
    return await openView(id, { ...options, ...context.work, readsWeights: false });
  } catch (error) {
    if (!MoepressError.isInstance(error) || error.code !== 'ARCHITECTURE_UNKNOWN') throw error;
    const diagnosis = await diagnoseCheckpoint(id, { ...options, ...context.work });
    context.print(renderDiagnosis(diagnosis), diagnosis);
    throw error;
  }
}

/** Looking at a model runs nobody's code but the command's own, unless it is asked to. */
function renderOthers(others: Context['otherPlugins']): string[] {
  if (others.length === 0) return [];
  const names = others.map(
    ({ package: name, methods }) => `  ${name}${methods.length > 0 ? `: ${methods.join(', ')}` : ''}`,
  );
  return [['Installed and not asked (--plugin <name> asks one):', ...names].join('\n')];
}

/** Methods that came with the command or are asked for; a broken plugin costs its own methods and a warning. */
async function findMethods({ bundled: registry, work }: Context): Promise<FoundMethod[]> {
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
