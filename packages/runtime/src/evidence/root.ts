import { homedir } from 'node:os';
import { join } from 'node:path';

/** `$MOEPRESS_CACHE/evidence`, else `moepress/evidence` in `$XDG_CACHE_HOME` or ~/.cache; empty is unset. */
export function defaultEvidenceRoot({ env } = process): string {
  const cache = env.MOEPRESS_CACHE || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'moepress');
  return join(cache, 'evidence');
}
