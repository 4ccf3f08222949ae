import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { MoepressError, type Work } from '@moepress/core';

/** By its name, for what it holds is read later. */
export const isGguf = (path: string): boolean => /\.gguf$/i.test(path);

export interface OpenOptions extends Work {
  /** Branch, tag or commit of a Hub model; default `main`. */
  readonly revision?: string | undefined;
}

/** `organisation/name`, as the Hub writes it. */
const hubId = /^[\w-][\w.-]*\/[\w-][\w.-]*$/;

/** A folder with its weights, or a GGUF file. */
export interface LocatedCheckpoint {
  readonly directory: string;
  readonly revision: string | null;
  /** The file, which `directory` is the folder of. */
  readonly gguf?: string;
}

/**
 * The folder of a checkpoint, which a Hub id is downloaded into first unless it is there, and the commit
 * of the latter. Throws `CHECKPOINT_NOT_FOUND`, or for a Hub id what `downloadModel` throws.
 */
export async function locateCheckpoint(
  id: string,
  { revision = 'main', ...work }: OpenOptions,
): Promise<LocatedCheckpoint> {
  const info = await stat(id).catch(() => null);
  if (info?.isDirectory()) return { directory: resolve(id), revision: null };
  if (info?.isFile() && isGguf(id))
    return { directory: dirname(resolve(id)), revision: null, gguf: resolve(id) };
  if (info || !hubId.test(id)) {
    const message = info
      ? 'This is not a folder, and not a GGUF file.'
      : 'This is not a folder, and not a valid Hub id.';
    throw new MoepressError('CHECKPOINT_NOT_FOUND', { message, where: id });
  }
  // Loaded only when asked for: most models are local, and the Hub library is large.
  const { downloadModel } = await import('./download.js');
  try {
    const { directory, commit } = await downloadModel(id, revision, work);
    return { directory, revision: commit };
  } catch (cause) {
    throw explainAmbiguousId(cause, id);
  }
}

/** `models/tiny` may be a misspelt path as well as a Hub id: says both if the Hub as a whole did not help. */
function explainAmbiguousId(cause: unknown, id: string): unknown {
  if (!MoepressError.isInstance(cause) || cause.where !== id) return cause;
  return new MoepressError(cause.code, {
    message: `There is no folder ${resolve(id)}, and as a Hub id it cannot be opened either. ${cause.message}`,
    where: id,
    hint: `If you mean a folder, correct the path. If you mean a Hub model: ${cause.hint}`,
    cause,
  });
}
