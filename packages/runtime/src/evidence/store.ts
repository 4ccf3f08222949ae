import { lstat, readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { folderBytes } from '@moepress/checkpoint';
import type { CalibrationRecord, Model, MoepressError, Statistic } from '@moepress/core';
import { isMeasured } from '../decoder/statistics.js';
import {
  type ContentHash,
  evidenceName,
  type IdentityOptions,
  modelIdentity,
  shortHash,
} from './identity.js';
import { clearLeftover, type Leftover, readLeftover, withLock } from './lock.js';
import { type EvidenceRecord, readRecord } from './record.js';
import { defaultEvidenceRoot } from './root.js';
import { StatisticFolder } from './statistic-folder.js';
import { isWriteError } from './write-error.js';

/** A folder of evidence on disk. */
export interface StoredEvidence {
  readonly folder: string;
  readonly record: EvidenceRecord;
  /** Size of all its files in bytes. */
  readonly bytes: number;
}

/**
 * Measured statistics on disk: one folder for each model, calibration set and statistic, and
 * scratch folders of runs that are not complete.
 */
export class EvidenceStore {
  readonly root: string;
  /**
   * Called once with the reason why nothing can be written there, after which work continues without it; if absent,
   * an error is thrown.
   */
  readonly giveUp: ((error: MoepressError) => void) | undefined;

  /** `root` is made when something is written. Default: see `defaultEvidenceRoot`. */
  constructor(
    root: string = defaultEvidenceRoot(),
    { giveUp }: { readonly giveUp?: ((error: MoepressError) => void) | undefined } = {},
  ) {
    this.root = root;
    this.giveUp = giveUp && once(giveUp);
  }

  /**
   * What is stored for a model on a calibration set, as measured in that precision. Throws what `modelIdentity` throws.
   */
  async forModel(
    model: Model,
    calibration: CalibrationRecord,
    options: IdentityOptions = {},
  ): Promise<ModelEvidence> {
    return new ModelEvidence(this, model, await modelIdentity(model, options), calibration);
  }

  /** All evidence, complete or not; folders without evidence are skipped. */
  async list(): Promise<StoredEvidence[]> {
    const names = await readdir(this.root).catch(() => []);
    const found = await Promise.all(names.map((name) => readEvidence(join(this.root, name))));
    return found.filter((evidence) => evidence !== null);
  }

  /** The state that incomplete runs keep there, whether they are running or were killed. */
  async scratch(): Promise<Leftover[]> {
    const names = await readdir(this.root).catch(() => []);
    const folders = names.filter((name) => scratchName.test(name)).map((name) => join(this.root, name));
    return Promise.all(folders.map(readLeftover));
  }

  /** Removes the scratch files of killed runs. Returns what went. Throws `DISK_FULL` or `WRITE_FAILED`. */
  async clearScratch(): Promise<Leftover[]> {
    const cleared: Leftover[] = [];
    for (const scratch of await this.scratch()) {
      if (await clearLeftover(scratch.folder)) cleared.push(scratch);
    }
    return cleared;
  }
}

/** The evidence of one model on one calibration set. */
export class ModelEvidence {
  readonly #store: EvidenceStore;
  readonly #model: Model;
  readonly #identity: ContentHash;
  readonly #calibration: CalibrationRecord;

  constructor(store: EvidenceStore, model: Model, identity: ContentHash, calibration: CalibrationRecord) {
    this.#store = store;
    this.#model = model;
    this.#identity = identity;
    this.#calibration = calibration;
  }

  folder(statistic: Statistic): StatisticFolder {
    const { id, architecture } = this.#model;
    const { name, version, pass, target = 'experts' } = statistic;
    const blocks = this.#model.blocks.filter((block) => isMeasured(block, target));
    const expected = blocks.map(({ index }) => index);
    const { hash: identity, checkUnchanged } = this.#identity;
    const path = join(this.#store.root, evidenceName(identity, this.#calibration, statistic));
    const wanted: EvidenceRecord = {
      format: 'moepress-evidence',
      version: 1,
      model: { id, architecture, identity },
      calibration: this.#calibration,
      statistic: { name, version, of: target, pass },
      layers: { expected, complete: [] },
    };
    return new StatisticFolder(path, wanted, { checkUnchanged, giveUp: this.#store.giveUp });
  }

  /**
   * Calls `use` with a folder for scratch files that a killed run finds again, or with null while another run uses it,
   * where the disk keeps no locks, and where a store that may be given up cannot be written. Removed if `use` leaves
   * nothing in it.
   */
  async withScratch<R>(use: (folder: string | null) => Promise<R>): Promise<R> {
    const folder = this.#scratch;
    const { giveUp } = this.#store;
    let isUsed = false;
    try {
      return await withLock(folder, (taken) => {
        isUsed = true;
        return use(taken === 'ours' ? folder : null);
      });
    } catch (error) {
      if (isUsed || !giveUp || !isWriteError(error)) throw error;
      giveUp(error);
      return await use(null);
    } finally {
      // Refused while a pass that another run may go on with is in it.
      await rmdir(folder).catch(() => {});
    }
  }

  /**
   * Removes the state of a run that was killed after everything was measured, just before it could remove its state.
   */
  async dropScratch(): Promise<void> {
    if (await lstat(this.#scratch).catch(() => null)) await clearLeftover(this.#scratch).catch(() => {});
  }

  get #scratch(): string {
    return join(this.#store.root, `scratch-${shortHash(this.#identity.hash, this.#calibration.hash)}`);
  }
}

const scratchName = /^scratch-[0-9a-f]{16}$/;

function once(tell: (error: MoepressError) => void): (error: MoepressError) => void {
  let isTold = false;
  return (error) => {
    if (!isTold) tell(error);
    isTold = true;
  };
}

/** The evidence in a folder, null if there is none. */
export async function readEvidence(folder: string): Promise<StoredEvidence | null> {
  const record = await readRecord(folder);
  if (!record) return null;
  return { folder, record, bytes: await folderBytes(folder) };
}
