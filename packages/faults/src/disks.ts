import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Rng } from '@moepress/core';
import { errorOf, hasWorked, run } from './command.js';
import { finish, told } from './finish.js';
import { judged } from './kills.js';
import { leftIn, type Place } from './place.js';
import { faultIn, prepared, type Reference } from './reference.js';

/** What a tmpfs counts in. */
const page = 4096;
const plenty = 2 ** 30;

const command = (program: string, ...args: readonly string[]) =>
  execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });

/** Whether disks may be mounted here: root may, and not in every container. */
export function mayMount(folder: string): boolean {
  mkdirSync(folder, { recursive: true });
  try {
    command('mount', '-t', 'tmpfs', '-o', `size=${page}`, 'tmpfs', folder);
    command('umount', folder);
    return true;
  } catch {
    return false;
  }
}

/** Bytes of all files below a folder, in whole pages, and a page for each folder. */
function sizeOf(folder: string): number {
  const names = readdirSync(folder, { recursive: true }) as string[];
  return names.reduce((sum, name) => {
    const info = statSync(join(folder, name));
    return sum + (info.isFile() ? page * Math.ceil(info.size / page) : page);
  }, 0);
}

/** Mounts a disk of its own at a folder of a place, with what is in it, while `use` runs. */
async function withDisk<T>(
  folder: string,
  bytes: number,
  use: (resize: (bytes: number) => void) => Promise<T>,
): Promise<T> {
  const held = mkdtempSync(join(tmpdir(), 'moepress-held-'));
  cpSync(folder, held, { recursive: true });
  command('mount', '-t', 'tmpfs', '-o', `size=${plenty}`, 'tmpfs', folder);
  const resize = (size: number) =>
    command('mount', '-o', `remount,size=${page * Math.ceil(size / page)}`, folder);
  try {
    cpSync(held, folder, { recursive: true });
    resize(sizeOf(folder) + bytes);
    return await use(resize);
  } finally {
    command('umount', '-l', folder);
    rmSync(held, { recursive: true });
  }
}

/**
 * Runs a job on a disk that is full at a random point: where its output goes, it must say so, leave nothing, and do its
 * work once there is room; where the cache is, it must go on without.
 */
export async function fillUp(
  reference: Reference,
  rng: Rng,
): Promise<{ readonly fault: string | null; readonly isFull: boolean }> {
  const ofCache = rng.next() < 0.5;
  const place = prepared(reference.job);
  const folder = ofCache ? place.cache : place.work;
  const grown = sizeOf(ofCache ? reference.place.cache : reference.place.work);
  let isFull = false;
  const { fault } = await judged(
    place,
    withDisk(folder, Math.floor(1.1 * rng.next() * grown), async (resize) => {
      const ended = await run(reference.job.args, place);
      isFull = ended.code !== 0 || /are not kept/.test(ended.stderr);
      if (ofCache && ended.code !== 0) return `its cache is full and it ended with ${told(ended)}`;
      if (ofCache) return outcomeFault(reference, place);
      if (ended.code === 0) return faultIn(reference, place);
      if (errorOf(ended) !== 'DISK_FULL') return `its disk is full and it ended with ${told(ended)}`;
      const left = leftIn(place).filter((name) => name.startsWith('work/'));
      if (left.length > 0) return `its disk is full and it left ${left.join(', ')}`;
      resize(plenty);
      return finish(reference, place);
    }),
  );
  return { fault, isFull };
}

function outcomeFault({ job, outcome }: Reference, place: Place): string | null {
  if (JSON.stringify(job.outcome(place)) !== outcome) return 'its cache is full and its outcome is another';
  const left = leftIn(place);
  return left.length > 0 ? `its cache is full and it left ${left.join(', ')}` : null;
}

/** Runs a job where nothing may be written: it must say so before it works. */
export async function lockUp(reference: Reference): Promise<{ readonly fault: string | null }> {
  const place = prepared(reference.job);
  command('mount', '--bind', place.work, place.work);
  try {
    command('mount', '-o', 'remount,bind,ro', place.work);
    const ended = await run(reference.job.args, place);
    const isRight = ended.code === 1 && errorOf(ended) === 'WRITE_FAILED' && !hasWorked(ended);
    if (!isRight) return { fault: `nothing may be written and it ended with ${told(ended)}` };
  } finally {
    command('umount', '-l', place.work);
  }
  return judged(place, finish(reference, place));
}
