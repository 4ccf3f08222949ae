import { MoepressError } from '@moepress/core';

/** Evaluation sets are megabytes; the cap keeps a crafted file from filling memory. */
export const maxBytes = 256 * 1024 * 1024;

/** Throws `DATASET_INVALID` for more than 256 MiB, packed or unpacked. */
export function checkSize(bytes: number, where: string): void {
  if (bytes > maxBytes) throw tooLarge(where);
}

export function tooLarge(where: string): MoepressError {
  return new MoepressError('DATASET_INVALID', { message: 'The file holds more than 256 MiB.', where });
}
