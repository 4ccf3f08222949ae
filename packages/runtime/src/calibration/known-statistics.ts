import type { Block, Model, Pass, Progress, Statistic } from '@moepress/core';
import { isMeasured } from '../decoder/statistics.js';
import type { StatisticFolder } from '../evidence/statistic-folder.js';
import type { ModelEvidence } from '../evidence/store.js';
import { LayerSums } from './layer-sums.js';

interface KnownOptions {
  readonly model: Model;
  readonly statistics: readonly Statistic[];
  /** Null: nothing outlasts the run. */
  readonly stored: ModelEvidence | null;
  readonly progress: Progress | undefined;
}

/** Statistics in all layers: those that are known already, and those that have yet to be measured. */
export class KnownStatistics {
  readonly #blocks: readonly Block[];
  readonly #layers: ReadonlyMap<number, LayerSums>;
  readonly #statistics: readonly Statistic[];
  readonly #folders = new Map<Statistic, StatisticFolder>();

  private constructor(model: Model, statistics: readonly Statistic[]) {
    this.#blocks = model.blocks;
    this.#layers = new Map(model.blocks.map(({ index }) => [index, new LayerSums(index)]));
    this.#statistics = statistics;
  }

  /** The known statistics of a store, to which new measurements are added. Warns of damaged evidence. */
  static async open({ model, statistics, stored, progress }: KnownOptions): Promise<KnownStatistics> {
    const known = new KnownStatistics(model, distinct(statistics));
    if (stored) for (const statistic of known.#statistics) await known.#restore(statistic, stored, progress);
    return known;
  }

  /** Layers where statistics of some kind are measured, in depth order. */
  layers(target: NonNullable<Statistic['target']>): LayerSums[] {
    return this.#blocks
      .filter((block) => isMeasured(block, target))
      .map(({ index }) => this.#layers.get(index)!);
  }

  /** The statistics of a pass that are not known in every layer. */
  missing(pass: Pass): Statistic[] {
    return this.#statistics.filter(
      (statistic) => statistic.pass === pass && this.#blocks.some((block) => !this.isKnown(statistic, block)),
    );
  }

  /** Whether everything in a block has been measured. */
  isKnown(statistic: Statistic, block: Block): boolean {
    return !isMeasured(block, statistic.target) || this.#layers.get(block.index)!.has(statistic);
  }

  /** Adds what was measured of `statistics` in one layer. Throws `CHECKPOINT_CHANGED`, `DISK_FULL` or `WRITE_FAILED`. */
  async add(sums: LayerSums, statistics: readonly Statistic[]): Promise<void> {
    for (const statistic of statistics) {
      const outputs = sums.outputs(statistic);
      if (outputs.size > 0) await this.#folders.get(statistic)?.write(sums.layer, outputs);
    }
    this.#layers.get(sums.layer)!.merge(sums);
  }

  async #restore(
    statistic: Statistic,
    evidence: ModelEvidence,
    progress: Progress | undefined,
  ): Promise<void> {
    const folder = evidence.folder(statistic);
    const stored = await folder.read((error) =>
      progress?.({
        type: 'warning',
        message: `Evidence of ${statistic.name} is measured again: ${error.message}`,
      }),
    );
    for (const [layer, outputs] of stored) this.#layers.get(layer)!.restore(statistic, outputs);
    this.#folders.set(statistic, folder);
  }
}

/** Two methods may need the same statistic. */
function distinct(statistics: readonly Statistic[]): Statistic[] {
  return [...new Map(statistics.map((statistic) => [statistic.name, statistic])).values()];
}
