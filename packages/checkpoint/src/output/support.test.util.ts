import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** Everything below a folder, sorted. */
export const all = async (folder: string): Promise<string[]> =>
  (await readdir(folder, { recursive: true })).sort();

function mount(folder: string, bytes: number): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder], { stdio: 'ignore' });
}

/** Only root may, and not in every container. */
export function mayMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'moepress-mount-'));
  try {
    mount(folder, 4096);
    execFileSync('umount', [folder]);
    return true;
  } catch {
    return false;
  } finally {
    rmdirSync(folder);
  }
}

/** Makes a folder a disk of its own until the test ends. */
export function mountAt(folder: string, bytes: number): void {
  mount(folder, bytes);
  onTestFinished(() => {
    execFileSync('umount', ['-l', folder]);
  });
}
