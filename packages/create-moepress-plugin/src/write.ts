import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';

/** Something that a user can mend. */
export class CreateError extends Error {}

/**
 * Writes files into a new folder, which appears whole or not at all. Throws a `CreateError` where there is something already,
 * or the folder cannot be written.
 */
export function writeFolder(folder: string, files: ReadonlyMap<string, string>): void {
  const target = resolve(folder);
  if (existsSync(target)) {
    throw new CreateError(`There is something at ${folder} already. Give another folder, or remove it.`);
  }
  const parent = dirname(target);
  if (!existsSync(parent)) throw new CreateError(`There is no folder ${parent}.`);
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
