import { MoepressError } from '@moepress/core';

/** Whether an error means that a disk refused to write. */
export const isWriteError = (error: unknown): error is MoepressError =>
  MoepressError.isInstance(error) && (error.code === 'DISK_FULL' || error.code === 'WRITE_FAILED');
