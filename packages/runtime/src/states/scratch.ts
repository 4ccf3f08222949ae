import { existsSync, readdirSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { asWriteError, makeFolders, makeTemporary, replaceFile } from '@moepress/checkpoint';
import { MoepressError, parseJson } from '@moepress/core';
import { z } from 'zod';

const checkpointSchema = z.strictObject({
  format: z.literal('moepress-scratch'),
  version: z.literal(1),
  /** SHA-256 over the batches: in other batches the files mean something else. */
  batches: z.string(),
  /** Towards the last block, or back towards the first one. */
  direction: z.enum(['up', 'down']),
  block: z.int().nonnegative(),
  /** Packed tokens that a run might have when these batches were made. */
  tokens: z.int().positive().optional(),
});

/** The progress of a pass: `block` is the next one to run for all batches. */
export type Checkpoint = Pick<z.infer<typeof checkpointSchema>, 'direction' | 'block'>;

const checkpointName = 'progress.json';

/** How large the runs of a killed pass were that has left its files in a folder; null if none has. */
export async function sizeOf(folder: string): Promise<number | null> {
  return (await readCheckpoint(folder))?.tokens ?? null;
}

async function readCheckpoint(folder: string): Promise<z.infer<typeof checkpointSchema> | null> {
  const text = await readFile(join(folder, checkpointName), 'utf8').catch(() => 'null');
  try {
    return checkpointSchema.parse(parseJson(text));
  } catch {
    return null;
  }
}

/** A folder where a pass puts tensors of its batches, and notes how far it came. */
export class ScratchFolder {
  readonly #path: string;
  /** Removes it at the end of this run; null if a later run may continue from it. */
  readonly #remove: (() => Promise<void>) | null;

  private constructor(path: string, remove: (() => Promise<void>) | null) {
    this.#path = path;
    this.#remove = remove;
  }

  /** Kept until the pass is complete. Throws `WRITE_FAILED` if it cannot be made. */
  static async lasting(path: string): Promise<ScratchFolder> {
    await makeFolders(path);
    return new ScratchFolder(path, null);
  }

  /**
   * In the system's folder for temporary files; kept as long as this run. Those of killed runs are removed. Throws
   * `DISK_FULL` or `WRITE_FAILED`.
   */
  static async temporary(): Promise<ScratchFolder> {
    const temporary = await makeTemporary('moepress-scratch-').catch((cause) => {
      const { code, message } = asWriteError(cause, tmpdir());
      throw new MoepressError(code, {
        message,
        where: tmpdir(),
        hint: 'Set TMPDIR to an existing folder that can be written, or give more `memory`.',
        cause,
      });
    });
    return new ScratchFolder(temporary.path, () => temporary.remove());
  }

  /** Whether an earlier run has left anything in it. */
  get isUsed(): boolean {
    return readdirSync(this.#path).length > 0;
  }

  file(key: string, batch: number): string {
    return join(this.#path, `${key}.${batch}.f32`);
  }

  /** Null if there is none for these batches or it is damaged. */
  async checkpoint(batches: string): Promise<Checkpoint | null> {
    const found = await readCheckpoint(this.#path);
    return found?.batches === batches ? { direction: found.direction, block: found.block } : null;
  }

  async note(batches: string, { direction, block }: Checkpoint, tokens: number): Promise<void> {
    const text = JSON.stringify({
      format: 'moepress-scratch',
      version: 1,
      batches,
      direction,
      block,
      tokens,
    });
    await replaceFile(join(this.#path, checkpointName), (file) => file.writeFile(text));
  }

  async remove(key: string, batches: number): Promise<void> {
    for (let i = 0; i < batches; i++) await rm(this.file(key, i), { force: true });
  }

  async clear(): Promise<void> {
    for (const name of await readdir(this.#path)) await rm(join(this.#path, name), { force: true });
  }

  /** Removes the folder, unless a later run may go on from here; what cannot be removed is left to that. */
  async close(complete: boolean): Promise<void> {
    if (this.#remove) return this.#remove().catch(() => {});
    const isUseful = !complete && existsSync(join(this.#path, checkpointName));
    if (!isUseful) await rm(this.#path, { recursive: true, force: true }).catch(() => {});
  }
}
