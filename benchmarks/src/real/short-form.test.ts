import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tinyModel } from '@moepress/tiny';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { originals, writeRouted } from '../routed.js';
import { moepress } from './moepress.js';

/** OLMoE's widths with a quarter of its experts, one layer of them, and a third of its vocabulary: 370 MB. */
const sizes = { ...originals.olmoe, experts: 16, vocabulary: 16_384 };

/** Bytes of anonymous memory that commands may take. */
const bound = 1e9;

let folder: string;
const model = () => join(folder, 'model');
const texts = (size: string) => ['--calibration', `${tinyModel.calibrationFile}:${size}`, '--no-evidence'];
const plan = (method: string, size: string) => [
  ...['compress', model(), '--method', method, '--ratio', '0.5'],
  ...[...texts(size), '--plan-only', '--out', join(folder, `${method}.json`)],
];

describe.runIf(process.platform === 'linux')('commands at real size', () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'moepress-short-form-'));
    await writeRouted(model(), 'olmoe', 1, sizes);
    for (const file of ['tokenizer.json', 'tokenizer_config.json']) {
      await copyFile(join(tinyModel.directory, file), join(model(), file));
    }
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each([
    ['evaluation', () => ['eval', model(), '--tasks', 'tiny_facts', '--limit', '25', '--no-answers']],
    ['statistics of a pass up', () => plan('reap', '4x256')],
    ['statistics of a pass down', () => plan('fisher-moe', '2x128')],
  ])('%s takes no more memory than was predicted, and that is no more than it may', async (_, args) => {
    const ran = await moepress([...args(), '--memory', String(bound)], folder, { bound });
    expect(ran).toMatchObject({ outcome: 'done', complaint: null });
    // What the process takes before it has begun.
    expect(ran.anonymous).toBeGreaterThan(50e6);
    expect(ran.anonymous).toBeLessThanOrEqual(ran.predicted!);
    expect(ran.predicted).toBeLessThanOrEqual(bound);
  });

  it('refuses before it starts what would take more, and says how much', async () => {
    const ran = await moepress([...plan('fisher-moe', '2x128'), '--memory', '150000000'], folder);
    expect(ran.outcome).toBe('refused');
    expect(ran.complaint).toMatch(/MEMORY_EXCEEDED.*\d\.\d\d GB of memory at least, and 0\.15 GB/);
    expect(ran.tasks).not.toHaveProperty('Calibrating');
  });
});
