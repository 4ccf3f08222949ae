import type { Evidence, LayerEvidence } from '../evidence/evidence.js';

/** Measured numbers by name of the statistic's output, e.g. `{ count: [3, 0, 5, 1] }`. */
export type ToyNumbers = Readonly<Record<string, readonly number[]>>;

/** Evidence of one layer with made-up numbers. Reading an output that was not given throws. */
export function toyLayerEvidence(layer: number, numbers: ToyNumbers): LayerEvidence {
  return {
    layer,
    read(statistic, output) {
      const values = numbers[output];
      if (!values) throw new Error(`no ${output} of ${statistic.name} in the toy evidence of layer ${layer}`);
      return Float64Array.from(values);
    },
  };
}

/** Evidence with made-up numbers: decoder layer to outputs. */
export function toyEvidence(layers: Readonly<Record<number, ToyNumbers>>): Evidence {
  return {
    calibration: { source: 'toy', sequences: 1, tokens: 1, hash: 'b'.repeat(64), seed: 0 },
    layers: Object.entries(layers).map(([layer, numbers]) => toyLayerEvidence(Number(layer), numbers)),
  };
}
