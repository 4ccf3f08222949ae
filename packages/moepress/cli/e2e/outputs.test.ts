import { type ChildProcess, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { tinyModel } from '@moepress/tiny';
import { describe, expect, it } from 'vitest';
import { inTemporaryFolder, moepress } from './command.js';

const planned = ['compress', 'tiny', '--method', 'random', '--ratio', '0.25', '--plan-only', '--out'];

describe('what is there', () => {
  it('is not overwritten by another kind, unless --force says so', () =>
    inTemporaryFolder(async (folder) => {
      const files = { 'config.json': '{"model_type": "olmoe"}', 'map.svg': '<svg xmlns="x"/>', trace: '[]' };
      for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
      const run = (...args: readonly string[]) => moepress([...args, '--json'], { cwd: folder });
      const refused = [
        await run(...planned, 'config.json'),
        await run('trace', 'tiny', '--ids', '[1, 2]', '--out', 'config.json'),
        await run('channels', 'tiny', '--svg', 'map.svg'),
        await run('inspect', 'tiny', '--plugin', 'nowhere'),
        await run('demo', '--profile', 'trace'),
      ];
      const codes = refused.map(({ stderr }) => JSON.parse(stderr).code);
      expect(codes).toEqual([...Array(3).fill('OUTPUT_EXISTS'), 'INPUT_INVALID', 'OUTPUT_EXISTS']);
      for (const [name, text] of Object.entries(files)) {
        expect(readFileSync(join(folder, name), 'utf8')).toBe(text);
      }
      expect((await run(...planned, 'config.json', '--force')).code).toBe(0);
      // A plan is replaced by a plan.
      expect((await run(...planned, 'config.json')).code).toBe(0);
      expect(readdirSync(folder).sort()).toEqual(Object.keys(files).sort());
    }));
});

/** Calls `use` with a disk of its own, or, where none may be mounted, with a folder. */
async function withDisk(
  folder: string,
  bytes: number,
  use: (isDisk: boolean) => Promise<void>,
): Promise<void> {
  mkdirSync(folder);
  const mount = ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder];
  const isDisk = spawnSync('mount', mount).status === 0;
  try {
    await use(isDisk);
  } finally {
    if (isDisk) spawnSync('umount', ['-l', folder]);
  }
}

describe('a disk', () => {
  it('that is mounted as the output is filled', () =>
    inTemporaryFolder(async (folder) => {
      const out = join(folder, 'out');
      await withDisk(out, 2 ** 26, async () => {
        const args = ['compress', 'tiny', '--method', 'random', '--ratio', '0.25', '--out', out];
        expect(await moepress(args)).toMatchObject({ code: 0 });
        expect(readdirSync(out)).toContain('model.safetensors');
        expect([readdirSync(folder), readdirSync(out).filter((name) => name.startsWith('.'))]).toEqual([
          ['out'],
          [],
        ]);
      });
    }));

  it('that fills up meanwhile does not keep results from being seen', () =>
    inTemporaryFolder(async (folder) => {
      const disk = join(folder, 'disk');
      await withDisk(disk, 2 ** 16, async (isDisk) => {
        const args = [
          'eval',
          'tiny',
          '--tasks',
          'tiny_facts',
          '--limit',
          '2',
          '--no-answers',
          '--output',
          disk,
        ];
        const fill = () => {
          const { bavail, bsize } = statfsSync(disk);
          writeFileSync(join(disk, 'filler'), Buffer.alloc(bavail * bsize));
        };
        const watch = ({ stderr }: ChildProcess) => isDisk && stderr!.once('data', fill);
        const outcome = await moepress(args, { watch });
        expect(outcome.stdout).toContain('tiny_facts');
        if (!isDisk) return;
        expect(outcome).toMatchObject({ code: 1, stderr: expect.stringContaining('The disk is full.') });
        expect(readdirSync(disk)).toEqual(['filler']);
      });
    }));
});

it('a stranger’s folder runs nothing and publishes nothing', () =>
  inTemporaryFolder(async (folder) => {
    for (const name of ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json']) {
      writeFileSync(join(folder, name), readFileSync(join(tinyModel.directory, name)));
    }
    writeFileSync(join(folder, 'package.json'), '{"dependencies": {"moepress-plugin-reap": "1"}}');
    const plugin = join(folder, 'node_modules', 'moepress-plugin-reap');
    mkdirSync(plugin, { recursive: true });
    writeFileSync(join(plugin, 'package.json'), '{"type": "module", "moepress": {"methods": ["reap"]}}');
    writeFileSync(
      join(plugin, 'index.js'),
      "import { writeFileSync } from 'node:fs'; writeFileSync('ran', '');",
    );
    expect((await moepress(['inspect', '.'], { cwd: folder })).code).toBe(0);
    symlinkSync('/proc/self/environ', join(folder, 'LICENSE'));
    const args = ['compress', '.', '--method', 'reap', '--ratio', '0.25', '--out', 'out', '--json'];
    const refused = await moepress(args, { cwd: folder });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('LICENSE is a link that leaves the folder');
    expect(refused.stderr).not.toContain('"start"');
    expect(existsSync(join(folder, 'ran'))).toBe(false);
    expect(existsSync(join(folder, 'out'))).toBe(false);
  }));
