import { setTimeout } from 'node:timers/promises';
import type { LocalServer } from '../src/serve/create-server.js';
import { closing } from '../src/serve/http/limits.js';

/**
 * Ends a server. If the engine does not come to the end of what it is computing in time, `force` ends the process as a
 * second Ctrl-C does: leaving the usual way would wait for the engine. Once it has, nothing is forced any more. The system
 * takes back the mapped weights of a large model at about a tenth of a second for each gigabyte, and it does so no sooner
 * for a process that is killed.
 */
export async function endInTime(
  server: Pick<LocalServer, 'stop' | 'close'>,
  force: () => void = () => process.kill(process.pid, 'SIGTERM'),
): Promise<void> {
  const stopped = new AbortController();
  setTimeout(closing.engine, undefined, { ref: false, signal: stopped.signal }).then(force, () => {});
  try {
    await server.stop();
  } finally {
    stopped.abort();
    await server.close();
  }
}
