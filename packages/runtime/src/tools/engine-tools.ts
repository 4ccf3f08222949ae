import type { MethodTools, Progress, Work } from '@moepress/core';
import type { Engine } from '../engine/engine.js';
import type { CalibratedModel } from './calibrated-model.js';
import { compareViews } from './compare/compare.js';
import { gram } from './gram.js';
import { replayLayers } from './replay/replay.js';

/**
 * The tools that methods get from an engine; `bind` is called when a tool has to run the model. `progress` is told what
 * memory a tool takes, also where the method does not want to hear of the tool's progress.
 */
export function engineTools(
  engine: Engine,
  bind: () => Promise<Omit<CalibratedModel, 'engine'>>,
  progress?: Progress,
): MethodTools {
  const memory: Progress = (event) => {
    if (event.type === 'memory') progress?.(event);
  };
  const heard = <W extends Work>(work: W): W => (work.progress ? work : { ...work, progress: memory });
  return {
    gram: (tensors, work = {}) => gram(engine, tensors, heard(work)),
    replayLayers: async (request, visit) =>
      replayLayers({ engine, ...(await bind()) }, heard(request), visit),
    compareViews: async (request) => compareViews({ engine, ...(await bind()) }, heard(request)),
  };
}
