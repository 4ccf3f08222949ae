import type { Model, Work } from '@moepress/core';
import type { Engine } from '../engine/engine.js';
import { streamedRun } from './model-run.js';
import { type Trace, traceSequences } from './trace.js';

/**
 * Traces a model on an engine that is there already, block by block, when it is its turn: for many small models one after the
 * other. See `traceSequences`.
 */
export const traceModel = (
  engine: Engine,
  model: Model,
  sequences: readonly (readonly number[])[],
  work: Work = {},
): Promise<Trace[]> =>
  engine.turn(
    () =>
      engine.inScope((scope) =>
        traceSequences(
          streamedRun(engine, scope, model, () => ({ routing: true })),
          sequences,
          work,
        ),
      ),
    work.signal,
  );
