import type { MethodTools } from '@moepress/core';
import type { Engine } from '../engine/engine.js';
import type { CalibratedModel } from './calibrated-model.js';
import { compareViews } from './compare/compare.js';
import { gram } from './gram.js';
import { replayLayers } from './replay/replay.js';

/** The tools that methods get from an engine; `bind` is called when a tool has to run the model. */
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
