import { constants } from 'node:fs';
import { type FileHandle, open, realpath } from 'node:fs/promises';
import { MoepressError } from '@moepress/core/errors';

/**
 * Opens a file of weights for reading. `file` is its absolute path with symbolic links resolved. Throws
 * `CHECKPOINT_NOT_FOUND` if it cannot be opened.
 */
export async function openSource(path: string): Promise<{ file: string; handle: FileHandle }> {
  try {
    // Links are resolved once, here: the engine maps only real files, and a Hub cache is all links.
    const file = await realpath(path);
    // Without waiting for somebody to write, should it be a pipe.
    return { file, handle: await open(file, constants.O_RDONLY | constants.O_NONBLOCK) };
  } catch (cause) {
    throw new MoepressError('CHECKPOINT_NOT_FOUND', {
      message: `The file cannot be opened (${(cause as NodeJS.ErrnoException).code}).`,
      where: path,
      cause,
    });
  }
}
