import { homedir } from 'node:os';
import { join } from 'node:path';

type Process = Pick<NodeJS.Process, 'env'>;

/** Where things are kept for later runs: `$MOEPRESS_CACHE`, else `moepress` in `$XDG_CACHE_HOME` or ~/.cache; empty is unset. */
export const cacheRoot = ({ env }: Process = process): string =>
  env.MOEPRESS_CACHE || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'moepress');
