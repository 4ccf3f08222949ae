import { totalmem } from 'node:os';

/** Bytes of memory this process may use: the machine's, or less in a container that is given less. */
export function machineMemory(): number {
  // 0, or more than there is, where nothing constrains it.
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}

/** A quarter of it, for what is carried along: hidden states, keys and values. */
export const carriedMemory = (): number => machineMemory() / 4;
