import { homedir } from 'node:os';
import { join } from 'node:path';

type Process = Pick<NodeJS.Process, 'env'>;

/** `$MOEPRESS_CACHE`, else `moepress` in `$XDG_CACHE_HOME` or ~/.cache; empty is unset. */
const cacheRoot = ({ env }: Process): string =>
  env.MOEPRESS_CACHE || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'moepress');

/** Where evidence is kept. */
export const defaultEvidenceRoot = (of: Process = process): string => join(cacheRoot(of), 'evidence');

/** Where digests of weights are kept. */
export const defaultDigestsRoot = (of: Process = process): string => join(cacheRoot(of), 'digests');

/** Where training runs keep their state. */
export const defaultRunsRoot = (of: Process = process): string => join(cacheRoot(of), 'training');
