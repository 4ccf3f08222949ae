import { readdirSync, readFileSync } from 'node:fs';

/** The resources that a process and its children have used so far (Linux): bytes, and seconds of processor time. */
export interface Usage {
  readonly anonymous: number;
  /** Pages of mapped files that are in memory; the system may take them back at any time. */
  readonly file: number;
  /** Seconds of user and system time together. */
  readonly cpu: number;
  /** Bytes sent to disk. */
  readonly written: number;
}

/** Clock ticks a second in which the kernel counts time; the same on every Linux in use. */
const ticks = 100;

/** Usage of one process, or null if it has gone. */
export function usageOf(pid: number): Usage | null {
  try {
    const status = read(pid, 'status');
    const anonymous = field(status, 'RssAnon');
    // A process that has ended and waits for its parent has no memory any more.
    if (anonymous === null) return null;
    // The name of the program is in parentheses and may contain spaces.
    const stat = read(pid, 'stat');
    const after = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return {
      anonymous: 1024 * anonymous,
      file: 1024 * (field(status, 'RssFile') ?? 0),
      cpu: (Number(after[11]) + Number(after[12])) / ticks,
      written: field(read(pid, 'io'), 'write_bytes') ?? 0,
    };
  } catch {
    return null;
  }
}

/** The processes that a process has started, and theirs. */
export function descendants(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
      .flatMap((thread) => read(pid, `task/${thread}/children`).split(' ').filter(Boolean).map(Number))
      .flatMap((child) => [child, ...descendants(child)]);
  } catch {
    return [];
  }
}

const read = (pid: number, name: string) => readFileSync(`/proc/${pid}/${name}`, 'utf8');

function field(text: string, name: string): number | null {
  const value = new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1];
  return value === undefined ? null : Number(value);
}
