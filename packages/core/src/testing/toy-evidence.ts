import type { Evidence, LayerEvidence } from '../evidence/evidence.js';

/** Measured numbers: name of the statistic, then of its output, e.g. `{ 'expert-hits': { count: [3, 0] } }`. */
export type ToyNumbers = Readonly<Record<string, Readonly<Record<string, readonly number[]>>>>;

/** Evidence of one layer with made-up numbers. Reading an output that was not given throws. */
export function toyLayerEvidence(layer: number, numbers: ToyNumbers): LayerEvidence {
  return {
    layer,
    read({ name }, output) {
      const values = numbers[name]?.[output];
      if (!values) throw new Error(`No ${output} of ${name} in the toy evidence of layer ${layer}.`);
      return Float64Array.from(values);
    },
  };
}

/** Evidence with made-up numbers by decoder layer. */
export function toyEvidence(layers: Readonly<Record<number, ToyNumbers>>): Evidence {
  return {
    calibration: { source: 'toy', sequences: 1, tokens: 1, hash: 'b'.repeat(64), seed: 0 },
    layers: Object.entries(layers).map(([layer, numbers]) => toyLayerEvidence(Number(layer), numbers)),
    mlps: [],
    attention: [],
  };
}
