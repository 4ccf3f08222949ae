import { surveyCheckpoint } from '@moepress/checkpoint';
import { type FoundMethod, type Model, MoepressError } from '@moepress/core';
import type { Context } from '../context.js';
import { inspectModel } from '../inspect.js';
import { renderInspection } from '../inspect-text.js';
import { openView } from '../source/model.js';
import { renderSurvey } from '../survey-text.js';

export interface InspectOptions {
  readonly plan?: string;
  readonly revision?: string;
}

/** `moepress inspect <model>` */
export async function inspect(id: string, options: InspectOptions, context: Context): Promise<void> {
  const model = await openOrSurvey(id, options, context);
  const inspection = inspectModel(model, await findMethods(context));
  context.print(renderInspection(inspection), inspection);
}

/** A family that is not known is still an error, but one with all that can be said beside it. */
async function openOrSurvey(id: string, options: InspectOptions, context: Context): Promise<Model> {
  try {
    return await openView(id, { ...options, ...context.work, readsWeights: false });
  } catch (error) {
    if (!MoepressError.isInstance(error) || error.code !== 'ARCHITECTURE_UNKNOWN') throw error;
    const survey = await surveyCheckpoint(id, { ...options, ...context.work });
    context.print(renderSurvey(survey), survey);
    throw error;
  }
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
