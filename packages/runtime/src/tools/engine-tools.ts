import type { MethodTools } from '@moepress/core';
import type { Engine } from '../engine/engine.js';
import type { CalibratedModel } from './calibrated-model.js';
import { compareViews } from './compare/compare.js';
import { gram } from './gram.js';
import { replayLayers } from './replay/replay.js';

/** What methods may ask of an engine; `bind` is called when a service has to run the model. */
export function engineTools(
  engine: Engine,
  bind: () => Promise<Omit<CalibratedModel, 'engine'>>,
): MethodTools {
  return {
    gram: (tensors, work) => gram(engine, tensors, work),
    replayLayers: async (request, visit) => replayLayers({ engine, ...(await bind()) }, request, visit),
    compareViews: async (request) => compareViews({ engine, ...(await bind()) }, request),
  };
}
