import { MoepressError } from '@moepress/core';

/** The error that refuses what takes `needed` bytes at least. */
export function memoryExceeded(where: string, needed: number, memory: number): MoepressError {
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(2)} GB`;
  return new MoepressError('MEMORY_EXCEEDED', {
    message: `This takes ${gigabytes(needed)} of memory at least, and ${gigabytes(memory)} may be used.`,
    where,
  });
}
