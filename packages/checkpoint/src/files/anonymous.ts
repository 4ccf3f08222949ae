import { readFileSync } from 'node:fs';

/**
 * Anonymous memory of this process in bytes, without mapped weights; all of its memory where the system does not
 * report that.
 */
export function anonymousMemory(): number {
  const kilobytes = /^RssAnon:\s+(\d+)/m.exec(status())?.[1];
  return kilobytes === undefined ? process.memoryUsage.rss() : Number(kilobytes) * 1024;
}

/** What Linux reports about this process; empty on other systems. */
function status(): string {
  try {
    return readFileSync('/proc/self/status', 'utf8');
  } catch {
    return '';
  }
}
