import { type FoundMethod, type InstalledPlugin, MoepressError } from '@moepress/core';
import { type ModelReport, reportModel } from './inspection/model-report.js';
import { type FindOptions, openPlugins } from './methods/find-methods.js';
import { type ModelInput, type OpenModelOptions, resolveModel } from './models/open-model.js';
import { workOf } from './options.js';

export interface InspectOptions extends OpenModelOptions, FindOptions {}

/** The structure of a model, and the plugins that were not loaded to find out what they could save. */
export interface InspectedModel extends ModelReport {
  /** Only plugins named in `plugins` are loaded: inspecting a model runs no code but moepress's own. */
  readonly otherPlugins: readonly InstalledPlugin[];
}

/**
 * Tells what a model is made of and what each method could save, without reading a weight. Throws what `openModel`
 * throws.
 */
export async function inspectModel(model: ModelInput, options: InspectOptions = {}): Promise<InspectedModel> {
  const opened = await resolveModel(model, { ...options, readsWeights: false });
  const plugins = openPlugins(options);
  const methods = await loadedMethods(plugins, options);
  return { ...reportModel(opened, methods), otherPlugins: plugins.others() };
}

/** Methods that came with moepress or are asked for; a broken plugin costs its own methods and a warning. */
async function loadedMethods(
  { bundled }: ReturnType<typeof openPlugins>,
  options: FindOptions,
): Promise<FoundMethod[]> {
  const { progress } = workOf(options);
  const methods: FoundMethod[] = [];
  for (const name of await bundled.methods()) {
    try {
      methods.push(await bundled.find(name));
    } catch (error) {
      if (!MoepressError.isInstance(error)) throw error;
      const where = error.where === undefined ? '' : ` (${error.where})`;
      progress?.({ type: 'warning', message: `${name} is left out: ${error.message}${where}` });
    }
  }
  return methods;
}
