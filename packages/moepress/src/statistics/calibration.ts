import type { CalibrationSet, Evidence, Model, Progress, Statistic, Work } from '@moepress/core';
import { expertHits } from '@moepress/graph';
import { calibrate, defaultEvidenceRoot, type Engine, EvidenceStore, reportLayers } from '@moepress/runtime';
import { notKept, storeFolder } from '../files/output.js';
import { type CacheOption, cacheFolder } from '../options.js';

/** A calibration set and what is measured on it, each loaded or measured once, when it is first asked for. */
export class Calibration {
  readonly #load: () => Promise<CalibrationSet>;
  readonly #options: MeasureOptions;
  readonly #statistics = new Set<Statistic>();
  #set: Promise<CalibrationSet> | undefined;
  #evidence: Promise<Evidence> | undefined;

  constructor(load: () => Promise<CalibrationSet>, options: MeasureOptions) {
    this.#load = load;
    this.#options = options;
  }

  /** Adds statistics to those that are measured together, the first time that any is asked for. */
  need(statistics: readonly Statistic[]): void {
    for (const statistic of statistics) this.#statistics.add(statistic);
  }

  /** Whether anything is to be measured. */
  get isNeeded(): boolean {
    return this.#statistics.size > 0;
  }

  set(): Promise<CalibrationSet> {
    this.#set ??= this.#load();
    return this.#set;
  }

  /** Throws what measuring throws. */
  evidence(engine: Engine, model: Model, work: Work): Promise<Evidence> {
    this.#evidence ??= this.set().then((set) =>
      measureEvidence(engine, { model, set, statistics: [...this.#statistics], ...this.#options, ...work }),
    );
    return this.#evidence;
  }
}

export interface MeasureOptions {
  /** Where statistics are kept and found again. */
  readonly cache?: CacheOption | undefined;
  /** Experts that saw fewer calibration tokens are warned of; 32 by default. */
  readonly minTokens?: number | undefined;
}

interface MeasureRequest extends MeasureOptions, Work {
  readonly model: Model;
  readonly set: CalibrationSet;
  readonly statistics: readonly Statistic[];
}

/** Measures what a method needs, and warns of experts that the calibration set says little about. */
async function measureEvidence(
  engine: Engine,
  { model, set, statistics, cache, minTokens = 32, progress, signal }: MeasureRequest,
): Promise<Evidence> {
  const chosen = cacheFolder(cache, 'evidence');
  // Counting is free in a forward pass; it is not worth one of its own.
  const counts = statistics.some(({ pass }) => pass === 'forward');
  const wanted = counts ? [...statistics, expertHits] : statistics;
  const folder = await storeFolder(chosen, defaultEvidenceRoot(), 'Measurements', progress);
  // A store that the user did not choose is a convenience: one that is full is given up.
  const giveUp = chosen === undefined && folder ? notKept('Measurements', folder, progress) : undefined;
  const store = folder === null ? undefined : new EvidenceStore(folder, { giveUp });
  const evidence = await calibrate(engine, { model, set, statistics: wanted, progress, signal, store });
  if (counts) warnOfScarce(evidence, minTokens, progress);
  return evidence;
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
