import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The optional folder of reference outputs: MOEPRESS_SHARED, or `shared` beside the repository; empty if
 * it is not there. Tests that compare with it run only where MOEPRESS_SHARED, as they see it, is not empty.
 */
export function findShared(environment: NodeJS.ProcessEnv = process.env): string {
  const path = environment.MOEPRESS_SHARED ?? fileURLToPath(new URL('../../shared', import.meta.url));
  // Any folder may be called shared.
  return existsSync(join(path, 'golden')) ? path : '';
}
