import { join } from 'node:path';
import type { Needed } from '../jobs/job.js';

/** The path of the plan that a job has made. */
export const planFileOf = ({ folder, files }: Needed): string => join(folder, files.plan!);
