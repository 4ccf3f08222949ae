import { rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolders } from '@moepress/checkpoint';
import type { MoepressError } from '@moepress/core';
import { readLayerFile, type Sums, writeLayerFile } from './layer-file.js';
import { type EvidenceRecord, readRecord, writeRecord } from './record.js';
import { isWriteError } from './write-error.js';

/** The outputs of a statistic, by decoder layer. */
export type StoredLayers = ReadonlyMap<number, ReadonlyMap<string, Sums>>;

/** One statistic of one model on one calibration set: `evidence.json` and a file for each measured layer. */
export class StatisticFolder {
  readonly path: string;
  readonly #wanted: EvidenceRecord;
  readonly #checkUnchanged: () => Promise<void>;
  readonly #giveUp: ((error: MoepressError) => void) | undefined;
  #isGivenUp = false;
  readonly #complete = new Set<number>();

  /**
   * `wanted` says what the folder is to be about, whatever lies there now; `checkUnchanged` throws if the model is no
   * longer that of `wanted`. `giveUp` is told why nothing can be written any more; without it that is thrown.
   */
  constructor(
    path: string,
    wanted: EvidenceRecord,
    {
      checkUnchanged,
      giveUp,
    }: { checkUnchanged: () => Promise<void>; giveUp?: ((error: MoepressError) => void) | undefined },
  ) {
    this.path = path;
    this.#wanted = wanted;
    this.#checkUnchanged = checkUnchanged;
    this.#giveUp = giveUp;
  }

  /** All layers that are there and sound. `onDamage` is told of those that are not: they count as not measured. */
  async read(onDamage: (error: Error) => void): Promise<StoredLayers> {
    const found = await readRecord(this.path);
    const layers = new Map<number, ReadonlyMap<string, Sums>>();
    if (!found || !this.#isAboutTheSame(found)) return layers;
    for (const layer of found.layers.complete) {
      if (!this.#wanted.layers.expected.includes(layer)) continue;
      try {
        layers.set(layer, await readLayerFile(layerPath(this.path, layer)));
        this.#complete.add(layer);
      } catch (error) {
        onDamage(error as Error);
      }
    }
    return layers;
  }

  /** Adds a layer, or replaces it. Throws `CHECKPOINT_CHANGED`, `DISK_FULL` or `WRITE_FAILED`. */
  async write(layer: number, outputs: ReadonlyMap<string, Sums>): Promise<void> {
    await this.#checkUnchanged();
    if (this.#isGivenUp) return;
    try {
      await this.#keep(layer, outputs);
    } catch (error) {
      if (!this.#giveUp || !isWriteError(error)) throw error;
      this.#isGivenUp = true;
      this.#giveUp(error);
      // Of a folder that could not even be begun nothing stays.
      await rmdir(this.path).catch(() => {});
    }
  }

  async #keep(layer: number, outputs: ReadonlyMap<string, Sums>): Promise<void> {
    await makeFolders(this.path);
    await writeLayerFile(layerPath(this.path, layer), outputs);
    this.#complete.add(layer);
    const complete = [...this.#complete].sort((a, b) => a - b);
    await writeRecord(this.path, { ...this.#wanted, layers: { ...this.#wanted.layers, complete } });
  }

  #isAboutTheSame({ model, calibration, statistic }: EvidenceRecord): boolean {
    const wanted = this.#wanted;
    return (
      model.identity === wanted.model.identity &&
      calibration.hash === wanted.calibration.hash &&
      statistic.name === wanted.statistic.name &&
      statistic.version === wanted.statistic.version
    );
  }
}

export const layerPath = (folder: string, layer: number): string =>
  join(folder, `layer-${layer}.safetensors`);
