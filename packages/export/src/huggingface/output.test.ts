import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, rmdirSync, statfsSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProgressEvent } from '@moepress/core';
import { describe, expect, it, onTestFinished } from 'vitest';
import { failure, openFixture, temporaryFolder } from '../support.test.util.js';
import { writeHuggingFace } from './write.js';

function mount(folder: string, bytes: number): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder], { stdio: 'ignore' });
}

/** Only root may, and not in every container. */
function mayMount(): boolean {
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

async function smallDisk(bytes: number): Promise<string> {
  const disk = await temporaryFolder();
  mount(disk, bytes);
  onTestFinished(() => {
    execFileSync('umount', ['-l', disk]);
  });
  return disk;
}

describe('an output folder', () => {
  it('replaces nothing, unless it is empty', async () => {
    const folder = await temporaryFolder();
    const model = await openFixture('olmoe');
    await mkdir(join(folder, 'full'));
    await writeFile(join(folder, 'full', 'notes.txt'), 'mine');
    await writeFile(join(folder, 'file'), 'mine');
    for (const name of ['full', 'file']) {
      const error = await failure(writeHuggingFace(model, join(folder, name), { layout: 'compact' }));
      expect(error).toMatchObject({ code: 'OUTPUT_EXISTS', where: join(folder, name) });
    }
    await mkdir(join(folder, 'empty'));
    await writeHuggingFace(model, join(folder, 'empty'), { layout: 'compact' });
    expect(await readdir(join(folder, 'empty'))).toContain('config.json');
    expect((await readdir(folder)).sort()).toEqual(['empty', 'file', 'full']);
  });

  it('does not appear if the writing is stopped', async () => {
    const folder = await temporaryFolder();
    const stop = new AbortController();
    const progress = (event: ProgressEvent) =>
      event.type === 'advance' && event.done > 300_000 && stop.abort();
    const options = { layout: 'compact', progress, signal: stop.signal } as const;
    const error = await failure(writeHuggingFace(await openFixture('olmoe'), join(folder, 'out'), options));
    expect(error.code).toBe('ABORTED');
    expect(await readdir(folder)).toEqual([]);
  });

  it('does not appear if the source is damaged meanwhile', async () => {
    const folder = await temporaryFolder();
    const model = await openFixture('olmoe');
    const broken = {
      ...model,
      finalNorm: { ...model.finalNorm, file: join(folder, 'gone') },
    } as typeof model;
    const error = await failure(writeHuggingFace(broken, join(folder, 'out'), { layout: 'compact' }));
    expect(error).toMatchObject({ code: 'CHECKPOINT_NOT_FOUND', where: join(folder, 'gone') });
    expect(await readdir(folder)).toEqual([]);
  });

  it('cannot be made where nothing may be written', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'file'), '');
    const out = join(folder, 'file', 'out');
    expect(
      (await failure(writeHuggingFace(await openFixture('olmoe'), out, { layout: 'compact' }))).code,
    ).toBe('WRITE_FAILED');
  });
});

describe.runIf(mayMount())('a small disk', () => {
  it('is found too small before anything is written', async () => {
    const disk = await smallDisk(300_000);
    const seen: string[] = [];
    const options = { layout: 'compact', progress: (event: ProgressEvent) => seen.push(event.type) } as const;
    const error = await failure(writeHuggingFace(await openFixture('olmoe'), join(disk, 'out'), options));
    expect(error.code).toBe('DISK_FULL');
    expect(error.message).toMatch(/^\d+ bytes are needed and \d+ are free\.$/);
    expect(seen).toEqual([]);
    expect(await readdir(disk)).toEqual([]);
  });

  it('that fills up meanwhile is left as it was', async () => {
    const disk = await smallDisk(1_000_000);
    const out = join(disk, 'out');
    const progress = (event: ProgressEvent) => event.type === 'advance' && fillUp(disk);
    const error = await failure(
      writeHuggingFace(await openFixture('olmoe'), out, { layout: 'compact', progress }),
    );
    expect(error).toMatchObject({ code: 'DISK_FULL', where: expect.stringContaining('model.safetensors') });
    expect(await readdir(disk)).toEqual(['filler']);
  });
});

function fillUp(disk: string): void {
  const { bavail, bsize } = statfsSync(disk);
  appendFileSync(join(disk, 'filler'), Buffer.alloc(bavail * bsize));
}
