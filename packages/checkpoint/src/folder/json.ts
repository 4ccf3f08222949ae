import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type ErrorCode, MoepressError, parseJson, refuseLfsPointer } from '@moepress/core/errors';

/** More than any real config or index takes; an index of 100,000 tensors is 10 MB. */
const maxJsonBytes = 64 * 1024 * 1024;

export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * The JSON object in a file of a checkpoint folder, in Python's form of JSON, or null if the file is absent.
 * Throws `code` if it is no JSON object, too large, or a git-lfs pointer.
 */
export async function readJsonFile(
  directory: string,
  name: string,
  code: ErrorCode,
): Promise<JsonObject | null> {
  const where = join(directory, name);
  const info = await stat(where).catch(() => null);
  if (!info) return null;
  if (!info.isFile() || info.size > maxJsonBytes) {
    throw new MoepressError(code, {
      message: `Not a file, or larger than the ${maxJsonBytes} bytes allowed for it.`,
      where,
    });
  }
  const bytes = await readFile(where).catch((cause) => {
    throw new MoepressError(code, {
      message: `The file cannot be read: ${cause.message}.`,
      where,
      hint: 'Check its permissions.',
      cause,
    });
  });
  refuseLfsPointer(bytes, where, code);
  let value: unknown;
  try {
    value = parseJson(bytes.toString('utf8'));
  } catch (cause) {
    throw new MoepressError(code, { message: `Not JSON: ${String(cause)}`, where, cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new MoepressError(code, { message: 'Not a JSON object.', where });
  }
  return value as JsonObject;
}
