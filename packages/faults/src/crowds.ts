import { setTimeout } from 'node:timers/promises';
import type { Rng } from '@moepress/core';
import { type Ended, errorOf, hasWorked, type StartOptions, start } from './command.js';
import { told } from './finish.js';
import { judged } from './kills.js';
import { faultIn, prepared, type Reference } from './reference.js';

/**
 * Starts a job twice, a moment apart, with one output and one cache. One must do its work as if it were alone. The
 * other is refused before it works, unless its output is its own; `by` starts each.
 */
export async function crowd(
  reference: Reference,
  rng: Rng,
  by: readonly (readonly string[])[] = [[], []],
): Promise<{ readonly fault: string | null }> {
  const { job } = reference;
  const place = prepared(job);
  const first = start(job.args, place, { by: by[0]! } satisfies StartOptions);
  await setTimeout(rng.next() ** 2 * 0.7 * reference.milliseconds);
  const second = start(job.args, place, { by: by[1]! });
  const both = await Promise.all([first.ended, second.ended]);
  return judged(place, Promise.resolve(faultOf(both) ?? faultIn(reference, place)));

  function faultOf(ends: readonly Ended[]): string | null {
    const refused = ends.filter(({ code }) => code !== 0);
    if (refused.length === 0) return job.isShared || isRepeatable(job.name) ? null : 'both ended well';
    if (job.isShared || refused.length > 1) return `it ended with ${told(refused[0]!)}`;
    const code = errorOf(refused[0]!);
    if (code !== 'OUTPUT_BUSY' && code !== 'OUTPUT_EXISTS') return `it was refused with ${told(refused[0]!)}`;
    return hasWorked(refused[0]!) ? 'it was refused after it had begun to work' : null;
  }
}

/** Jobs that find what another has done, should that have ended before they looked. */
const isRepeatable = (name: string): boolean => ['sweep', 'leaderboard', 'plan'].includes(name);
