import type { Model } from '../model/model.js';
import { planBase } from '../plan/plan-document.js';
import type { CompressionPlan, LayerPlan } from '../plan/schema.js';

/** A plan for `model` with these operations and made-up provenance. */
export function toyPlan(model: Model, layers: readonly LayerPlan[]): CompressionPlan {
  return {
    format: 'moepress-plan',
    version: 1,
    base: planBase(model),
    method: { name: 'toy', package: '@moepress/plugin-toy', version: '1.0.0' },
    options: { ratio: 0.5, seed: 0 },
    calibration: null,
    layers: [...layers],
    warnings: [],
    details: {},
    learned: null,
  };
}
