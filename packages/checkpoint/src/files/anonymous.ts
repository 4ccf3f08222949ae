import { readFileSync } from 'node:fs';

/** Anonymous memory of this process in bytes: mapped weights do not count. All of its memory where that is not told. */
export function anonymousMemory(): number {
  const kilobytes = /^RssAnon:\s+(\d+)/m.exec(status())?.[1];
  return kilobytes === undefined ? process.memoryUsage.rss() : Number(kilobytes) * 1024;
}

/** What Linux tells of this process, else nothing. */
function status(): string {
  try {
    return readFileSync('/proc/self/status', 'utf8');
  } catch {
    return '';
  }
}
