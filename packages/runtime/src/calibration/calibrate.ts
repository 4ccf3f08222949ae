import { createHash } from 'node:crypto';
import {
  type Block,
  type CalibrationRecord,
  type Evidence,
  type Model,
  MoepressError,
  type Statistic,
  throwIfAborted,
  type Work,
} from '@moepress/core';
import { isStatisticOutput } from '../decoder/statistics.js';
import type { Engine } from '../engine/engine.js';
import { runBlock, streamedBlocks } from '../forward/blocks.js';
import { embedBatches } from '../forward/embed.js';
import { dropBatch } from '../forward/held.js';
import { batchSequences, defaultLimits } from '../forward/layout.js';
import { LayerSums } from './accumulate.js';

/** Token sequences to measure on, and where they came from. */
export interface CalibrationSet {
  readonly source: string;
  readonly seed: number;
  readonly sequences: readonly (readonly number[])[];
}

/**
 * Runs the calibration set through the model, one block resident at a time, and measures the
 * statistics in every MoE block. Throws `CALIBRATION_INVALID` for an empty set or ids outside the
 * vocabulary, `WEIGHTS_NOT_FINITE` when a block yields NaN.
 */
export async function calibrate(
  engine: Engine,
  model: Model,
  set: CalibrationSet,
  statistics: readonly Statistic[],
  work: Work = {},
): Promise<Evidence> {
  checkSet(model, set);
  const wanted = distinct(statistics);
  const layouts = batchSequences(set.sequences, { ...defaultLimits, heads: model.config.heads });
  const calibration = recordOf(set);
  // Nothing is measured after the last MoE block, so nothing needs to run there.
  const last = model.blocks.findLastIndex(({ ffn }) => ffn.kind === 'moe');
  const upToLast: Model = { ...model, blocks: model.blocks.slice(0, last + 1) };

  const task = 'Calibrating';
  let done = 0;
  work.progress?.({
    type: 'start',
    task,
    total: calibration.tokens * upToLast.blocks.length,
    unit: 'token-layers',
  });
  const batches = await embedBatches(engine, model, layouts, 'calibrate');
  const layers: LayerSums[] = [];
  try {
    const blocks = streamedBlocks(engine, upToLast, (block) => ({ statistics: isMoe(block) ? wanted : [] }));
    await blocks.each(async (block, session, outputs) => {
      const fetch = outputs.filter(isStatisticOutput);
      const measured = await engine.spread(batches, async (batch) => {
        throwIfAborted(work.signal);
        const results = await runBlock(model, block, session, batch, { fetch });
        done += batch.layout.ids.length;
        work.progress?.({ type: 'advance', task, done, note: `layer ${block.index}` });
        return results;
      });
      if (!isMoe(block)) return;
      // In the order of the batches, whichever worker was first: sums of floats depend on it.
      const sums = new LayerSums(block.index);
      for (const results of measured) for (const output of fetch) sums.add(output, results[output]!);
      layers.push(sums);
    }, work);
    return { calibration, layers };
  } finally {
    await Promise.all(batches.map((batch) => dropBatch(batch)));
    work.progress?.({ type: 'end', task });
  }
}

const isMoe = (block: Block): boolean => block.ffn.kind === 'moe';

/** Two methods may need the same statistic. */
function distinct(statistics: readonly Statistic[]): Statistic[] {
  const byName = new Map(statistics.map((statistic) => [statistic.name, statistic]));
  for (const { name, pass } of byName.values()) {
    if (pass === 'forward') continue;
    throw new MoepressError('PLUGIN_INVALID', {
      message: `Statistic ${name} needs the ${pass} pass, which this version does not have.`,
      where: name,
      mend: 'Use a method that works with forward statistics.',
    });
  }
  return [...byName.values()];
}

function checkSet(model: Model, { source, sequences }: CalibrationSet): void {
  const problem = sequences.every((ids) => ids.length === 0)
    ? 'There are no tokens to calibrate on.'
    : sequences.some((ids) => ids.some((id) => id < 0 || id >= model.config.vocabSize))
      ? `A token id lies outside the vocabulary of ${model.config.vocabSize}.`
      : undefined;
  if (problem) throw new MoepressError('CALIBRATION_INVALID', { message: problem, where: source });
}

function recordOf({ source, seed, sequences }: CalibrationSet): CalibrationRecord {
  const hash = createHash('sha256');
  for (const ids of sequences) hash.update(Int32Array.of(ids.length, ...ids));
  const tokens = sequences.reduce((sum, ids) => sum + ids.length, 0);
  return { source, seed, sequences: sequences.length, tokens, hash: hash.digest('hex') };
}
