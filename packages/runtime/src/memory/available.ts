import { readFileSync } from 'node:fs';
import { freemem, totalmem } from 'node:os';
import { anonymousMemory } from '@moepress/checkpoint';

/**
 * Bytes of memory that are left to this process: those the machine has without evicting anybody, or those that the
 * control group it is in may still take, whichever is less. Files in memory count as free, since they can go.
 */
export function availableMemory(): number {
  const machine = numberIn('/proc/meminfo', /^MemAvailable:\s+(\d+) kB/m);
  const groups = [groupRoom(), legacyGroupRoom()].filter((room) => room !== null);
  return Math.min(machine === null ? freemem() : machine * 1024, ...groups);
}

/** Bytes of memory this process may use: the machine's, or less in a container that is given less. */
export function machineMemory(): number {
  // 0, or more than there is, where nothing constrains it.
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}

/** The share for tensors kept from run to run, hidden states, keys and values: a quarter. */
export const carriedMemory = (): number => machineMemory() / 4;

/** The share of the machine's free memory that is used; other programs and the file cache need the rest. */
const defaultShare = 0.5;

/** The memory that the process may take by default. */
export const defaultMemory = (): number => Math.floor(anonymousMemory() + availableMemory() * defaultShare);

/** Limits of control groups version 2, which also apply to all groups above. */
function groupRoom(): number | null {
  const own = textIn('/proc/self/cgroup')?.match(/^0::(\/.*)$/m)?.[1];
  if (own === undefined) return null;
  const rooms: number[] = [];
  for (let path = own; ; path = path.slice(0, path.lastIndexOf('/'))) {
    const folder = `/sys/fs/cgroup${path === '/' ? '' : path}`;
    const limit = numberIn(`${folder}/memory.max`, /^(\d+)/);
    const used = numberIn(`${folder}/memory.current`, /^(\d+)/);
    const files = numberIn(`${folder}/memory.stat`, /^file (\d+)/m) ?? 0;
    if (limit !== null && used !== null) rooms.push(Math.max(0, limit - used + files));
    if (path === '' || path === '/') break;
  }
  return rooms.length > 0 ? Math.min(...rooms) : null;
}

/** Limits of control groups version 1. */
function legacyGroupRoom(): number | null {
  const own = textIn('/proc/self/cgroup')?.match(/^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(\/.*)$/m)?.[1];
  if (own === undefined) return null;
  const folder = `/sys/fs/cgroup/memory${own === '/' ? '' : own}`;
  const limit = numberIn(`${folder}/memory.limit_in_bytes`, /^(\d+)/);
  const used = numberIn(`${folder}/memory.usage_in_bytes`, /^(\d+)/);
  const files = numberIn(`${folder}/memory.stat`, /^total_cache (\d+)/m) ?? 0;
  return limit === null || used === null ? null : Math.max(0, limit - used + files);
}

function numberIn(file: string, pattern: RegExp): number | null {
  const found = textIn(file)?.match(pattern)?.[1];
  return found === undefined ? null : Number(found);
}

function textIn(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}
