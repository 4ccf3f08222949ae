import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openDatasets } from './open.js';

const gsm = { path: 'openai/gsm8k', config: 'main', files: null };
const embedded = { path: 'json', config: 'default', files: { test: 'tasks/x.test.jsonl' } };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'moepress-data-'));
  await mkdir(path.join(folder, 'openai/gsm8k/main'), { recursive: true });
  await writeFile(path.join(folder, 'openai/gsm8k/main/test.jsonl'), '{"question":"q","answer":"a"}');
  await mkdir(path.join(folder, 'tasks'));
  await writeFile(path.join(folder, 'tasks/x.test.jsonl'), '{"x":1}');
  // Nothing listens on port 1: the Hub cannot be reached, and the cache is empty.
  vi.stubEnv('HF_ENDPOINT', 'http://127.0.0.1:1');
  vi.stubEnv('HF_HOME', path.join(folder, 'hf'));
  for (const name of ['HF_HUB_CACHE', 'HUGGINGFACE_HUB_CACHE', 'HF_HUB_OFFLINE']) vi.stubEnv(name, undefined);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

describe('openDatasets', () => {
  it('reads a folder that mirrors the Hub', async () => {
    const { rows, where } = await openDatasets({ data: folder }).rows(gsm, 'test');
    expect(rows).toEqual([{ question: 'q', answer: 'a' }]);
    expect(where).toBe(path.join(folder, 'openai/gsm8k/main/test.jsonl'));
  });

  it('reads embedded datasets from their own folder', async () => {
    expect((await openDatasets({ embedded: folder }).rows(embedded, 'test')).rows).toEqual([{ x: 1 }]);
  });

  it('says where the split would be found', async () => {
    await expect(openDatasets({ data: folder }).rows(gsm, 'train')).rejects.toMatchObject({
      code: 'DATASET_NOT_FOUND',
      message: expect.stringContaining('the connection to the Hub failed'),
      hint: expect.stringContaining(path.join(folder, 'openai/gsm8k/main/train.{parquet,jsonl,jsonl.gz}')),
    });
  });

  it('says that embedded datasets need their folder', async () => {
    await expect(openDatasets().rows(embedded, 'test')).rejects.toMatchObject({
      code: 'DATASET_NOT_FOUND',
      hint: expect.stringContaining('@moepress/tiny'),
    });
    await expect(openDatasets({ embedded: folder }).rows(embedded, 'train')).rejects.toMatchObject({
      code: 'DATASET_NOT_FOUND',
    });
  });
});
