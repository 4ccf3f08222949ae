import { readFileSync } from 'node:fs';

/**
 * Anonymous memory in bytes of this process, or of another: mapped weights do not count (Linux). 0 for one that has
 * ended.
 */
export function anonymousMemory(pid: number | 'self' = 'self'): number {
  return 1024 * Number(/^RssAnon:\s+(\d+)/m.exec(statusOf(pid))?.[1] ?? 0);
}

function statusOf(pid: number | 'self'): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return '';
  }
}

/** Runs `work` and tells the highest anonymous memory seen meanwhile. */
export async function peakMemory(work: () => Promise<void>): Promise<number> {
  let peak = anonymousMemory();
  const timer = setInterval(() => {
    peak = Math.max(peak, anonymousMemory());
  }, 10);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
  return peak;
}
