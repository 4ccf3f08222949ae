import { basename, dirname } from 'node:path';

/**
 * The SHA-256 that a file of the Hugging Face cache is named by, as large files of the Hub are; null for any other
 * file. `path` has its links resolved.
 */
export function blobDigest(path: string): string | null {
  const name = basename(path);
  const folder = dirname(path);
  const isBlob = basename(folder) === 'blobs' && /^(models|datasets)--/.test(basename(dirname(folder)));
  return isBlob && /^[0-9a-f]{64}$/.test(name) ? name : null;
}
