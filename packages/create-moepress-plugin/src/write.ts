import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

/** Something that a user can mend. */
export class CreateError extends Error {}

/** Why a new folder cannot be made there; undefined where it can. */
export function obstacleAt(folder: string): string | undefined {
  const target = resolve(folder);
  if (existsSync(target))
    return `There is something at ${folder} already. Give another folder, or remove it.`;
  const parent = dirname(target);
  return existsSync(parent) ? undefined : `There is no folder ${parent}.`;
}

/** Throws a `CreateError` where a new folder cannot be made. */
export function checkFree(folder: string): void {
  const obstacle = obstacleAt(folder);
  if (obstacle !== undefined) throw new CreateError(obstacle);
}

/**
 * Writes files into a new folder, which appears whole or not at all. Throws a `CreateError` where there is something already,
 * or the folder cannot be written.
 */
export function writeFolder(folder: string, files: ReadonlyMap<string, string>): void {
  checkFree(folder);
  const target = resolve(folder);
  const parent = dirname(target);
  let partial: string | undefined;
  try {
    partial = mkdtempSync(join(parent, `.${basename(target)}-`));
    for (const [path, content] of files) {
      const file = join(partial, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, content);
    }
    renameSync(partial, target);
  } catch (cause) {
    if (partial !== undefined) rmSync(partial, { recursive: true, force: true });
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CreateError(`${folder} could not be written: ${reason}`, { cause });
  }
}
