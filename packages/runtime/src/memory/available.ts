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

/** A quarter of it, for what is carried along: hidden states, keys and values. */
export const carriedMemory = (): number => machineMemory() / 4;

/** A share of what the machine has left, which others and the files in memory need too. */
export const defaultShare = 0.5;

/** What the process may take if nobody says. */
export const defaultMemory = (): number => Math.floor(anonymousMemory() + availableMemory() * defaultShare);

/** Of the second version of control groups, whose limits hold for all groups above too. */
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

/** Of the first version. */
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
