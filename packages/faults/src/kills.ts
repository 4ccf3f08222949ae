import { setTimeout } from 'node:timers/promises';
import type { Rng } from '@moepress/core';
import { type Ended, type StartOptions, start } from './command.js';
import { finish } from './finish.js';
import { type Place, removePlace } from './place.js';
import { prepared, type Reference } from './reference.js';

/** How often a run may be killed before it is let go on to its end. */
const mostKills = 5;

/**
 * Ends a job with a signal at a random point: after a random time, or a moment after a random line of its progress.
 * Returns how it ended, which may be by itself if the point came too late.
 */
export async function interrupt(
  { job, milliseconds, lines }: Reference,
  place: Place,
  { rng, signal, by }: { rng: Rng; signal: NodeJS.Signals } & Pick<StartOptions, 'by'>,
): Promise<Ended> {
  // Mostly where there is work left, and now and then at the very end.
  const share = rng.next() < 0.2 ? 0.8 + 0.3 * rng.next() : 0.8 * rng.next();
  const after = rng.next() < 0.4 ? milliseconds * (0.15 + 0.85 * share) : null;
  const line = 1 + Math.floor(Math.min(1, share) * (lines - 1));
  const moment = 60 * rng.next() ** 2;
  const kill = async (wait: number) => {
    await setTimeout(wait);
    child.kill(signal);
  };
  const { child, ended } = start(job.args, place, {
    ...(by && { by }),
    onLine: (at) => {
      if (after === null && at === line) void kill(moment);
    },
  });
  if (after !== null) void kill(after);
  return ended;
}

/** Kills a job at random points, some of them while it goes on after a kill, and lets it end. */
export async function killAndFinish(
  reference: Reference,
  rng: Rng,
): Promise<{ readonly kills: number; readonly fault: string | null }> {
  const place = prepared(reference.job);
  const wanted = 1 + Math.floor(rng.next() * mostKills);
  let kills = 0;
  for (let i = 0; i < wanted; i++) {
    const { signal } = await interrupt(reference, place, { rng, signal: 'SIGKILL' });
    if (signal !== 'SIGKILL') break;
    kills++;
  }
  return { kills, ...(await judged(place, finish(reference, place))) };
}

/** Stops a job tidily at a random point: it must leave nothing, and say by which signal it was stopped. */
export async function stopAndFinish(
  reference: Reference,
  rng: Rng,
): Promise<{ readonly fault: string | null }> {
  const place = prepared(reference.job);
  const ended = await interrupt(reference, place, { rng, signal: 'SIGTERM' });
  // Before it listens a signal ends it at once.
  const isTidy = ended.code === 143 || ended.code === 0 || ended.signal === 'SIGTERM';
  if (!isTidy) return { fault: `stopped by SIGTERM it ended with ${ended.code} ${ended.stderr.slice(-600)}` };
  return judged(place, finish(reference, place));
}

/** Removes a place in which all is well. */
export async function judged(
  place: Place,
  judging: Promise<string | null>,
): Promise<{ fault: string | null }> {
  const fault = await judging;
  if (fault === null) {
    removePlace(place);
    return { fault };
  }
  return { fault: `${fault} (${place.root})` };
}
