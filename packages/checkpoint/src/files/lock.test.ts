import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import { failure, temporaryFolder } from '../support.test.util.js';
import { takeLock } from './lock.js';

const module = new URL('./lock.js', import.meta.url).href;

/** A process that takes locks when it is told where, and says what it got; it lets go of none. */
const script = `
  import { createInterface } from 'node:readline';
  import { takeLock } from ${JSON.stringify(module)};
  const held = [];
  for await (const path of createInterface({ input: process.stdin })) {
    const lock = await takeLock(path, { make: true });
    if (typeof lock !== 'string') held.push(lock);
    console.log(typeof lock === 'string' ? lock : 'ours');
  }
`;

function locker() {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async take(path: string): Promise<string> {
      child.stdin.write(`${path}\n`);
      return (await lines.next()).value;
    },
    async kill() {
      if (child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

describe('a lock', () => {
  it('is one run’s until it is released, and leaves no file', async () => {
    const path = join(await temporaryFolder(), 'lock');
    const lock = await takeLock(path);
    expect(await takeLock(path)).toBe('busy');
    if (typeof lock !== 'string') await lock.release();
    expect(existsSync(path)).toBe(false);
    const again = await takeLock(path);
    expect(again).toBeTypeOf('object');
    if (typeof again !== 'string') await again.release();
  });

  it('ends with a process that is killed, and one of those that wait gets it', async () => {
    const folder = await temporaryFolder();
    const lockers = Array.from({ length: 3 }, locker);
    try {
      for (let round = 0; round < 30; round++) {
        const path = join(folder, `lock-${round}`);
        // What an older moepress left, of a process with our number, or killed before it could write it.
        await writeFile(path, round % 2 === 0 ? `host\n${process.pid}\n` : '');
        const answers = await Promise.all(lockers.map((one) => one.take(path)));
        expect(answers.toSorted()).toEqual(['busy', 'busy', 'ours']);
      }
      const path = join(folder, 'killed');
      expect(await lockers[0]!.take(path)).toBe('ours');
      expect(await lockers[1]!.take(path)).toBe('busy');
      await lockers[0]!.kill();
      const answers = await Promise.all(lockers.slice(1).map((one) => one.take(path)));
      expect(answers.toSorted()).toEqual(['busy', 'ours']);
    } finally {
      for (const one of lockers) await one.kill();
    }
  });

  it('follows no links, and takes no folders and no pipes', async () => {
    const folder = await temporaryFolder();
    const victim = join(folder, 'victim');
    await writeFile(victim, 'mine');
    await symlink(victim, join(folder, 'link'));
    await mkdir(join(folder, 'folder'));
    for (const name of ['link', 'folder', 'victim/below']) {
      expect((await failure(takeLock(join(folder, name)))).code).toBe('WRITE_FAILED');
    }
    expect(await readFile(victim, 'utf8')).toBe('mine');
  });
});
