import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The mechanism that enforces a bound on memory. */
export interface Bound {
  /** Bytes of anonymous memory. */
  readonly bytes: number;
  /** `cgroup`: the system ends who takes more. `watched`: its memory is looked at every 10 ms, and it is ended. */
  readonly by: 'cgroup' | 'watched';
  /** Puts a process under it, before it has done anything. */
  admit(pid: number): void;
  /** Whether the system has ended a process because of it. */
  struck(): boolean;
  release(): void;
}

/**
 * A bound in a group of the control groups version 2 below this process' own or beside it, where that may be made and
 * the controller of memory is handed down to it; else one that the watcher keeps. Pages of files count in a group, too,
 * but the system takes those back before it ends anyone. `places` are for tests.
 */
export function openBound(bytes: number, places: Places = system): Bound {
  return cgroup(bytes, places) ?? watched(bytes);
}

/** Where the control groups are, and how one is made and removed. */
export interface Places {
  readonly root: string;
  /** Returns the control group of this process. */
  readonly self: string;
  readonly make: (group: string) => void;
  readonly remove: (group: string) => void;
}

const system: Places = {
  root: '/sys/fs/cgroup',
  self: '/proc/self/cgroup',
  make: (group) => mkdirSync(group),
  remove: (group) => rmdirSync(group),
};

function watched(bytes: number): Bound {
  return { bytes, by: 'watched', admit() {}, struck: () => false, release() {} };
}

function cgroup(bytes: number, { root, self, make, remove }: Places): Bound | null {
  const own = /^0::(.*)$/m.exec(readFileSync(self, 'utf8'))?.[1];
  if (own === undefined) return null;
  const parents = [...new Set([own, dirname(own)])].map((parent) => join(root, parent));
  const group = firstBoundable(parents, make, remove);
  if (group === null) return null;
  writeFileSync(join(group, 'memory.max'), String(bytes));
  if (existsSync(join(group, 'memory.swap.max'))) writeFileSync(join(group, 'memory.swap.max'), '0');
  return {
    bytes,
    by: 'cgroup',
    admit: (pid) => writeFileSync(join(group, 'cgroup.procs'), String(pid)),
    struck: () => /^oom_kill [1-9]/m.test(readFileSync(join(group, 'memory.events'), 'utf8')),
    release: () => remove(group),
  };
}

/** A new group below the first parent that lets its memory be bounded. */
function firstBoundable(
  parents: readonly string[],
  make: Places['make'],
  remove: Places['remove'],
): string | null {
  for (const parent of parents) {
    const group = join(parent, `moepress-bench-${process.pid}`);
    try {
      make(group);
    } catch {
      continue;
    }
    // Files of the controller are there only if the group above hands it down.
    if (existsSync(join(group, 'memory.max'))) return group;
    remove(group);
  }
  return null;
}
