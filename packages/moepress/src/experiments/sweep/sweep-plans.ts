import type { CalibrationSet, CompressionPlan, Evidence, FoundMethod, Model, Work } from '@moepress/core';
import { planCompression } from '@moepress/runtime';
import { openEngine, type SharedDevice } from '../../devices/open-engine.js';
import { type Piece, sideBySide, type Wrap } from './batch-view-comparisons.js';
import type { Configuration } from './configuration.js';

export interface Planning {
  readonly base: Model;
  readonly method: FoundMethod;
  readonly set: CalibrationSet;
  readonly device: SharedDevice;
}

/** Plans some configurations on all threads, on evidence measured before. */
export async function planTogether(
  configurations: readonly Configuration[],
  { base: model, method, set, device }: Planning,
  evidence: Evidence | null,
  work: Work,
): Promise<CompressionPlan[]> {
  const engine = await openEngine(device, work);
  try {
    const pieces = configurations.map(
      ({ given }): Piece<CompressionPlan> =>
        (wrap) =>
          planCompression(engine, {
            ...work,
            model,
            method: withServices(method, wrap),
            options: given,
            measure: async () => evidence!,
            calibration: async () => set,
          }),
    );
    return await sideBySide(pieces);
  } finally {
    await engine.dispose();
  }
}

function withServices({ compressor, origin }: FoundMethod, wrap: Wrap): FoundMethod {
  return {
    origin,
    compressor: {
      ...compressor,
      plan: (context) => compressor.plan({ ...context, tools: wrap(context.tools) }),
    },
  };
}
