import { join } from 'node:path';
import { cacheRoot } from '@moepress/checkpoint';

type Process = Pick<NodeJS.Process, 'env'>;

/** Where evidence is kept. */
export const defaultEvidenceRoot = (of: Process = process): string => join(cacheRoot(of), 'evidence');

/** Where digests of weights are kept. */
export const defaultDigestsRoot = (of: Process = process): string => join(cacheRoot(of), 'digests');

/** Where training runs keep their state. */
export const defaultRunsRoot = (of: Process = process): string => join(cacheRoot(of), 'training');
