import type { ErrorCode } from './catalogue.js';
import { MoepressError } from './error.js';

/** Bytes of the largest pointer file (git-lfs specification, "The Pointer"). */
const maxBytes = 1024;

const pointer = /^version https:\/\/git-lfs\.github\.com\/spec\/v1\r?\n(?:[^\n]*\n)*?size (\d+)/;

/**
 * The size in bytes of the file that a git-lfs pointer stands for, or null if the bytes are not a pointer. A clone
 * without git-lfs, or with GIT_LFS_SKIP_SMUDGE, has pointers in place of large files.
 */
export function lfsPointerSize(bytes: Uint8Array): number | null {
  if (bytes.length > maxBytes) return null;
  const match = pointer.exec(new TextDecoder().decode(bytes));
  return match && Number(match[1]);
}

/** Throws an error with `code` if a file holds a git-lfs pointer instead of its contents. */
export function refuseLfsPointer(bytes: Uint8Array, where: string, code: ErrorCode): void {
  const size = lfsPointerSize(bytes);
  if (size === null) return;
  throw new MoepressError(code, {
    message: `This is a git-lfs pointer: the file itself, of ${size} bytes, was not downloaded.`,
    where,
    hint: 'Run "git lfs pull" in the repository, or download the file with "hf download".',
  });
}
