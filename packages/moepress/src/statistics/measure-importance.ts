import type { Evidence, LayerEvidence, Model, Statistic, Work } from '@moepress/core';
import { type LayerSquares, namedImportance } from '@moepress/export';
import { activationEnergy, attentionEnergy, expertHits, expertInputEnergy, mlpEnergy } from '@moepress/graph';
import type { MeasuredImportance } from '../exporting/export-target.js';
import { type CalibrationChoice, calibrationSet } from '../models/model-data.js';
import type { ComputeOptions } from '../options.js';
import { withSession } from '../session.js';
import { Calibration, type MeasureOptions } from './calibration.js';

export interface MeasureImportanceOptions extends CalibrationChoice, ComputeOptions, MeasureOptions {}

const statistics = [attentionEnergy, mlpEnergy, expertInputEnergy, activationEnergy, expertHits];

/**
 * Measures what the products of a view multiply its weights with. `written` is the view as it is written: with experts of one
 * width. Throws `CALIBRATION_INVALID`, and what measuring throws.
 */
export async function measureImportance(
  view: Model,
  written: Model,
  options: MeasureImportanceOptions,
  work: Work,
): Promise<MeasuredImportance> {
  const calibration = new Calibration(() => calibrationSet(view, options, work), options);
  calibration.need(statistics);
  const set = await calibration.set();
  const evidence = await withSession(view, options, ({ engine }) => calibration.evidence(engine, view, work));
  const size = set.sequences.reduce((longest, { length }) => Math.max(longest, length), 0);
  return {
    importance: {
      tensors: namedImportance(written, layerSquares(view, evidence)),
      texts: [evidence.calibration.source],
    },
    chunks: { count: set.sequences.length, size },
  };
}

function layerSquares(
  { blocks }: Model,
  { layers, mlps, attention }: Evidence,
): ReadonlyMap<number, LayerSquares> {
  return new Map(
    blocks.map(({ index }) => {
      const [ofExperts, ofMlp, ofAttention] = [
        readerOf(layers, index),
        readerOf(mlps, index),
        readerOf(attention, index),
      ];
      const squares: LayerSquares = {
        attention: ofAttention && {
          input: ofAttention(attentionEnergy, 'input'),
          heads: ofAttention(attentionEnergy, 'heads'),
          count: ofAttention(attentionEnergy, 'count')[0]!,
        },
        mlp: ofMlp && {
          input: ofMlp(mlpEnergy, 'input'),
          activation: ofMlp(mlpEnergy, 'activation'),
          count: ofMlp(mlpEnergy, 'count')[0]!,
        },
        experts: ofExperts && {
          input: ofExperts(expertInputEnergy, 'sum'),
          activation: ofExperts(activationEnergy, 'sum'),
          counts: ofExperts(expertHits, 'count'),
        },
      };
      return [index, squares] as const;
    }),
  );
}

type Read = (statistic: Statistic, output: string) => Float64Array;

/** Null for a layer without what is measured. */
function readerOf(layers: readonly LayerEvidence[], index: number): Read | null {
  const layer = layers.find((candidate) => candidate.layer === index);
  return layer ? (statistic, output) => layer.read(statistic, output) : null;
}
