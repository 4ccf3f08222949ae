import { resolve } from 'node:path';
import {
  type Evidence,
  type Model,
  MoepressError,
  type Progress,
  type Statistic,
  type Work,
} from '@moepress/core';
import { expertHits } from '@moepress/graph';
import { type CalibrationSet, calibrate, type Engine, EvidenceStore, reportLayers } from '@moepress/runtime';
import { checkFolderOutput } from '../output.js';

/** Where evidence goes, and what may be spent on it. */
export interface MeasureOptions {
  /** Folder of the store, absent for the default one, false for none. */
  readonly evidence?: string | false;
  /** Bytes of memory for hidden states. */
  readonly memory?: number;
  /** Experts that saw fewer tokens are warned of. */
  readonly minTokens: number;
}

/** Measures what a method needs, and warns of experts that the calibration set says little about. */
export async function measureEvidence(
  engine: Engine,
  model: Model,
  set: CalibrationSet,
  statistics: readonly Statistic[],
  options: MeasureOptions & Work,
): Promise<Evidence> {
  const { progress, signal, memory, minTokens } = options;
  // Counting is free in a forward pass; it is not worth one of its own.
  const counts = statistics.some(({ pass }) => pass === 'forward');
  const wanted = counts ? [...statistics, expertHits] : statistics;
  const store = await openStore(options.evidence, progress);
  const evidence = await calibrate(engine, model, set, wanted, { progress, signal, memory, store });
  if (counts) warnOfScarce(evidence, minTokens, progress);
  return evidence;
}

/** The default store is a convenience: where it cannot be written, the work is done without. */
async function openStore(
  folder: string | false | undefined,
  progress: Progress | undefined,
): Promise<EvidenceStore | undefined> {
  if (folder === false) return undefined;
  const store = new EvidenceStore(folder && resolve(folder));
  try {
    await checkFolderOutput(store.root);
    return store;
  } catch (error) {
    if (folder !== undefined || !MoepressError.isInstance(error)) throw error;
    const message = `Measurements are not kept in ${store.root}: ${error.message}`;
    progress?.({ type: 'warning', message });
    return undefined;
  }
}

function warnOfScarce({ layers }: Evidence, minTokens: number, progress: Progress | undefined): void {
  const measured = layers.map((layer) => ({
    layer: layer.layer,
    tokens: layer.read(expertHits, 'count'),
    norms: null,
  }));
  const scarce = reportLayers(measured, minTokens).filter(({ tokens }) => tokens!.scarce.length > 0);
  if (scarce.length === 0) return;
  const counts = scarce.map(({ layer, tokens }) => `${tokens!.scarce.length} in layer ${layer}`);
  const dead = scarce.reduce((sum, { tokens }) => sum + tokens!.dead.length, 0);
  progress?.({
    type: 'warning',
    message: `Experts that saw fewer than ${minTokens} calibration tokens: ${counts.join(', ')}; ${dead} saw none.`,
  });
}
