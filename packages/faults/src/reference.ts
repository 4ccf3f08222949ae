import { join } from 'node:path';
import { run } from './command.js';
import { type Job, jobs, keepPlan } from './jobs.js';
import { leftIn, makePlace, type Place, timelessNames } from './place.js';

/** A job that nothing happened to. */
export interface Reference {
  readonly job: Job;
  readonly place: Place;
  readonly outcome: string;
  readonly names: readonly string[];
  readonly milliseconds: number;
  readonly lines: number;
}

/** Runs jobs one after the other. Throws if one does not end well, or leaves anything. */
export async function makeReferences(wanted: readonly string[]): Promise<Reference[]> {
  const references: Reference[] = [];
  const needed = jobs.filter(({ name }) => name === 'plan' || wanted.includes(name));
  for (const job of needed) {
    const place = prepared(job);
    const ended = await run(job.args, place);
    if (ended.code !== 0) throw new Error(`${job.name} ended with ${ended.code}: ${ended.stderr}`);
    const left = leftIn(place);
    if (left.length > 0) throw new Error(`${job.name} left ${left.join(', ')}`);
    if (job.name === 'plan') keepPlan('plan', join(place.work, 'plan.json'));
    const { milliseconds, lines } = ended;
    const outcome = JSON.stringify(job.outcome(place));
    references.push({ job, place, outcome, names: timelessNames(place), milliseconds, lines });
  }
  return references.filter(({ job }) => wanted.includes(job.name));
}

/** A place in which a job can be run. */
export function prepared(job: Job): Place {
  const place = makePlace();
  job.prepare?.(place);
  return place;
}

/** What is wrong with a place in which a job has ended well; null if it is as if nothing had happened. */
export function faultIn({ job, outcome, names }: Reference, place: Place): string | null {
  if (JSON.stringify(job.outcome(place)) !== outcome) return 'its outcome is another';
  const left = leftIn(place);
  if (left.length > 0) return `it left ${left.join(', ')}`;
  const found = timelessNames(place);
  const missing = names.filter((name) => !found.includes(name));
  if (missing.length > 0) return `it lacks ${missing.join(', ')}`;
  const more = found.filter((name) => !names.includes(name));
  return more.length > 0 ? `it has ${more.join(', ')}` : null;
}
