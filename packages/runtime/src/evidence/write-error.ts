import { MoepressError } from '@moepress/core';

/** Whether a disk has refused something. */
export const isWriteError = (error: unknown): error is MoepressError =>
  MoepressError.isInstance(error) && (error.code === 'DISK_FULL' || error.code === 'WRITE_FAILED');
