import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Ran, type RunOptions, run } from './child.js';

const entry = fileURLToPath(new URL('../../../packages/moepress/bin/moepress.js', import.meta.url));

/** Runs the command as a user would, with its results and events as JSON and a cache that `folder` holds. */
export function moepress(args: readonly string[], folder: string, options: RunOptions = {}): Promise<Ran> {
  const env = { CI: 'true', MOEPRESS_CACHE: join(folder, 'cache'), ...options.env };
  return run(process.execPath, [entry, ...args, '--json'], { ...options, env });
}

/** Whether a command has an option. */
export async function hasOption(command: string, option: string): Promise<boolean> {
  const { stdout } = await run(process.execPath, [entry, command, '--help']);
  return new RegExp(`^\\s+${option}\\b`, 'm').test(stdout);
}

/** A folder that is removed when `use` is done or the process ends, beside the checkpoints: what is written there is large. */
export async function inScratch<T>(folder: string, use: (scratch: string) => Promise<T>): Promise<T> {
  const scratch = await mkdtemp(join(folder, 'scratch-'));
  const remove = () => rmSync(scratch, { recursive: true, force: true });
  process.once('exit', remove);
  try {
    return await use(scratch);
  } finally {
    process.off('exit', remove);
    remove();
  }
}

/** Where checkpoints are made: the folder MOEPRESS_BENCH or a temporary one. */
export const benchFolder = process.env.MOEPRESS_BENCH ?? join(tmpdir(), 'moepress-bench');
