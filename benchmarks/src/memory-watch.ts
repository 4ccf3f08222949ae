import { readFileSync } from 'node:fs';

/** Anonymous memory of this process in bytes: mapped weights do not count (Linux). */
export function anonymousMemory(): number {
  const status = readFileSync('/proc/self/status', 'utf8');
  return 1024 * Number(/^RssAnon:\s+(\d+)/m.exec(status)?.[1]);
}

/** Runs `work` and returns the highest anonymous memory seen meanwhile. */
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
