import { spawnSync } from 'node:child_process';
import type { Rng } from '@moepress/core';
import { crowd } from './crowds.js';
import { finish } from './finish.js';
import { interrupt, judged } from './kills.js';
import { prepared, type Reference } from './reference.js';

/** Starts a program as a container does: as process 1, and on a machine of its own name. */
const container = (name: string): readonly string[] => [
  ...['unshare', '--pid', '--fork', '--mount-proc', '--uts', '--kill-child=KILL'],
  ...['sh', '-c', `hostname ${name} && exec "$@"`, 'sh'],
];

/** Whether this system lets us make them. */
export const mayUnshare = (): boolean => {
  const [program, ...args] = container('moepress-a');
  return spawnSync(program!, [...args, 'true']).status === 0;
};

/** Kills a job in one container and lets it go on in another: same process id, same folders, another host name. */
export async function restart(
  reference: Reference,
  rng: Rng,
): Promise<{ readonly kills: number; readonly fault: string | null }> {
  const place = prepared(reference.job);
  const { signal } = await interrupt(reference, place, {
    rng,
    signal: 'SIGKILL',
    by: container('moepress-a'),
  });
  const finished = finish(reference, place, { by: container('moepress-b') });
  return { kills: signal === 'SIGKILL' ? 1 : 0, ...(await judged(place, finished)) };
}

/** Starts a job in two containers at once. */
export const crowdApart = (reference: Reference, rng: Rng) =>
  crowd(reference, rng, [container('moepress-a'), container('moepress-b')]);
