import { readFile } from 'node:fs/promises';
import { type ErrorCode, MoepressError } from '@moepress/core';

/** A UTF-8 file the user named. Throws `code` naming the file if it cannot be read. */
export async function readText(path: string, code: ErrorCode): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new MoepressError(code, {
      message: `The file cannot be read: ${(cause as Error).message}.`,
      where: path,
      mend: 'Check the path and its permissions.',
      cause,
    });
  }
}
