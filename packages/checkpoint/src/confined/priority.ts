import { readlinkSync } from 'node:fs';
import { constants, getPriority, setPriority } from 'node:os';

/** What `nice` would be told: a tenth of a processor that others want. */
const niceness = 10;

/** Lets other threads come before this one, where each has a priority of its own, which is so on Linux. */
export function lowerPriority(): void {
  if (process.platform !== 'linux') return;
  try {
    const thread = Number(readlinkSync('/proc/thread-self').split('/').at(-1));
    setPriority(thread, Math.min(constants.priority.PRIORITY_LOW, getPriority() + niceness));
  } catch {
    // Without /proc, or where it must not: then all come alike.
  }
}
