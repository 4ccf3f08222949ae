import type { CalibrationSet, Evidence, Model, Statistic, Work } from '@moepress/core';
import type { Engine } from '@moepress/runtime';
import { type MeasureOptions, measureEvidence } from './measure-evidence.js';

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
      measureEvidence(engine, model, set, [...this.#statistics], { ...this.#options, ...work }),
    );
    return this.#evidence;
  }
}
