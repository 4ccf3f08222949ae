import { readdir, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { CalibrationRecord, Model, Statistic } from '@moepress/core';
import { isMeasured } from '../decoder/statistics.js';
import {
  type ContentHash,
  evidenceName,
  type IdentityOptions,
  modelIdentity,
  shortHash,
} from './identity.js';
import { withLock } from './lock.js';
import { type EvidenceRecord, readRecord } from './record.js';
import { defaultEvidenceRoot } from './root.js';
import { StatisticFolder } from './statistic-folder.js';

/** A folder of evidence as it lies on the disk. */
export interface StoredEvidence {
  readonly folder: string;
  readonly record: EvidenceRecord;
  /** Of all its files. */
  readonly bytes: number;
}

/**
 * Measured statistics on disk: one folder for each model, calibration set and statistic, and
 * scratch folders of runs that are not complete.
 */
export class EvidenceStore {
  readonly root: string;

  /** `root` is made when something is written. Default: see `defaultEvidenceRoot`. */
  constructor(root: string = defaultEvidenceRoot()) {
    this.root = root;
  }

  /**
   * What is stored for a model on a calibration set, as measured in that precision. Throws what `modelIdentity` throws.
   */
  async shelf(
    model: Model,
    calibration: CalibrationRecord,
    options: IdentityOptions = {},
  ): Promise<EvidenceShelf> {
    return new EvidenceShelf(this.root, model, await modelIdentity(model, options), calibration);
  }

  /** All evidence, complete or not; folders that hold none are passed over. */
  async list(): Promise<StoredEvidence[]> {
    const names = await readdir(this.root).catch(() => []);
    const found = await Promise.all(names.map((name) => readEvidence(join(this.root, name))));
    return found.filter((evidence) => evidence !== null);
  }
}

/** The evidence of one model on one calibration set. */
export class EvidenceShelf {
  readonly #root: string;
  readonly #model: Model;
  readonly #identity: ContentHash;
  readonly #calibration: CalibrationRecord;

  constructor(root: string, model: Model, identity: ContentHash, calibration: CalibrationRecord) {
    this.#root = root;
    this.#model = model;
    this.#identity = identity;
    this.#calibration = calibration;
  }

  folder(statistic: Statistic): StatisticFolder {
    const { id, architecture } = this.#model;
    const { name, version, pass, of = 'experts' } = statistic;
    const blocks = this.#model.blocks.filter((block) => isMeasured(block, of));
    const expected = blocks.map(({ index }) => index);
    const { hash: identity, checkUnchanged } = this.#identity;
    const path = join(this.#root, evidenceName(identity, this.#calibration, statistic));
    const wanted: EvidenceRecord = {
      format: 'moepress-evidence',
      version: 1,
      model: { id, architecture, identity },
      calibration: this.#calibration,
      statistic: { name, version, of, pass },
      layers: { expected, complete: [] },
    };
    return new StatisticFolder(path, wanted, checkUnchanged);
  }

  /**
   * Calls `use` with a folder for scratch files that a killed run finds again, or with null while
   * another run uses it. Removed if `use` leaves nothing in it.
   */
  async withScratch<R>(use: (folder: string | null) => Promise<R>): Promise<R> {
    const folder = join(this.#root, `scratch-${shortHash(this.#identity.hash, this.#calibration.hash)}`);
    try {
      return await withLock(folder, (isOurs) => use(isOurs ? folder : null));
    } finally {
      // Refused while a pass that another run may go on with is in it.
      await rmdir(folder).catch(() => {});
    }
  }
}

/** The evidence in a folder, null if there is none. */
export async function readEvidence(folder: string): Promise<StoredEvidence | null> {
  const record = await readRecord(folder);
  if (!record) return null;
  const files = await readdir(folder);
  // A run that writes there may have renamed one meanwhile.
  const sizeOf = async (name: string) => (await stat(join(folder, name)).catch(() => null))?.size ?? 0;
  const sizes = await Promise.all(files.map(sizeOf));
  return { folder, record, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}
