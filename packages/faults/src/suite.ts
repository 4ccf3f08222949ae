import { createRng, type Rng } from '@moepress/core';
import { crowd } from './crowds.js';
import { fillUp, lockUp, mayMount } from './disks.js';
import { jobs } from './jobs.js';
import { killAndFinish, stopAndFinish } from './kills.js';
import { crowdApart, mayUnshare, restart } from './namespaces.js';
import { makePlace, removePlace } from './place.js';
import { makeReferences, type Reference } from './reference.js';

/** What happened in one case. */
interface Happened {
  readonly fault: string | null;
  readonly kills?: number;
  readonly isFull?: boolean;
}

interface Target {
  /** Why it cannot be tried here; null if it can. */
  readonly obstacle?: () => string | null;
  one(reference: Reference, rng: Rng): Promise<Happened>;
}

const noDisks = (): string | null => {
  const place = makePlace();
  const may = mayMount(place.work);
  removePlace(place);
  return may ? null : 'This system does not let us mount disks.';
};
const noContainers = () => (mayUnshare() ? null : 'This system does not let us make namespaces.');

/** What is done to commands. */
export const targets = {
  kills: { one: killAndFinish },
  stops: { one: stopAndFinish },
  crowds: { one: crowd },
  disks: { one: fillUp, obstacle: noDisks },
  locked: { one: lockUp, obstacle: noDisks },
  restarts: { one: restart, obstacle: noContainers },
  apart: { one: crowdApart, obstacle: noContainers },
} satisfies Record<string, Target>;

export type TargetName = keyof typeof targets;

export const targetNames = Object.keys(targets) as readonly TargetName[];
export const jobNames = jobs.map(({ name }) => name);

export interface Report {
  readonly target: TargetName;
  /** Why it was not tried. */
  readonly obstacle: string | null;
  readonly cases: number;
  /** Runs that were killed, and disks that were found full. */
  readonly kills: number;
  readonly full: number;
  /** What went wrong: the job, the number of the case, and what. */
  readonly faults: readonly string[];
}

/** Does something to jobs in turn, `count` times, from random numbers of the seed and the number of the case alone. */
export async function tryTarget(
  target: TargetName,
  references: readonly Reference[],
  { seed, from = 0, count }: { readonly seed: number; readonly from?: number; readonly count: number },
): Promise<Report> {
  const { one, obstacle }: Target = targets[target];
  const why = obstacle?.() ?? null;
  let [cases, kills, full] = [0, 0, 0];
  const faults: string[] = [];
  for (let i = from; i < from + (why === null ? count : 0); i++) {
    const reference = references[i % references.length]!;
    const happened = await one(reference, createRng(1000 * seed + i));
    cases++;
    kills += happened.kills ?? 0;
    full += happened.isFull ? 1 : 0;
    if (happened.fault !== null) faults.push(`${target} ${i}, ${reference.job.name}: ${happened.fault}`);
  }
  return { target, obstacle: why, cases, kills, full, faults };
}

/** Runs the jobs as they are, calls `use`, and removes what they made. */
export async function withReferences<T>(
  names: readonly string[],
  use: (references: readonly Reference[]) => Promise<T>,
): Promise<T> {
  const references = await makeReferences(names);
  try {
    return await use(references);
  } finally {
    for (const { place } of references) removePlace(place);
  }
}
