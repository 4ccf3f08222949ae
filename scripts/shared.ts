import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * The optional folder of reference outputs beside the repository. Tests that compare with it run
 * only where it exists; they read its path from MOEPRESS_SHARED.
 */
export function findShared(): string | undefined {
  const path = process.env.MOEPRESS_SHARED ?? fileURLToPath(new URL('../../shared', import.meta.url));
  return existsSync(path) ? path : undefined;
}
