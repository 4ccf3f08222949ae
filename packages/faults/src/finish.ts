import { type Ended, errorOf, run, type StartOptions } from './command.js';
import type { Place } from './place.js';
import { faultIn, type Reference } from './reference.js';

/**
 * Runs a job again after something happened to it. Returns what is wrong afterwards, or null. Where the run before was
 * done but for its exit, its output is there: then the same command is refused, and that is right.
 */
export async function finish(
  reference: Reference,
  place: Place,
  options?: StartOptions,
): Promise<string | null> {
  const { job, outcome } = reference;
  const wasDone = JSON.stringify(job.outcome(place)) === outcome;
  const ended = await run(job.args, place, options);
  if (ended.code !== 0 && !(wasDone && errorOf(ended) === 'OUTPUT_EXISTS')) {
    return `run again, it ended with ${told(ended)}`;
  }
  return faultIn(reference, place);
}

export const told = (ended: Ended): string =>
  `${ended.signal ?? ended.code}: ${errorOf(ended) ?? ''} ${ended.stderr.slice(-600)}`;
