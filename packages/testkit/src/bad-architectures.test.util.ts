import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ArchitectureManifest, findArchitecture } from '@moepress/checkpoint';
import type { Plugin } from '@moepress/core';
import { beforeAll, expect, test } from 'vitest';
import { checksOf } from './conformance.js';
import { temporaryFolder } from './toys/open-toys.js';

/** A family of a plugin, as it should be and with faults that its checks must see. */
export function testBadArchitectures(): void {
  /** A checkpoint with the logits that transformers gives, of a family that is Granite's by another name. */
  let folder: string;
  beforeAll(() => {
    folder = temporaryFolder('family');
    cpSync(fileURLToPath(new URL('../../checkpoint/fixtures/granitemoe', import.meta.url)), folder, {
      recursive: true,
    });
    const file = join(folder, 'config.json');
    const config = JSON.parse(readFileSync(file, 'utf8'));
    writeFileSync(file, JSON.stringify({ ...config, model_type: 'plugged_moe' }));
  });

  const granite = findArchitecture('granitemoe', 'test');

  const checks = (change: object) => {
    const manifest = { ...granite, modelType: 'plugged_moe', ...change } as ArchitectureManifest;
    return checksOf({ name: 'bad', architectures: [manifest] }, { goldens: { plugged_moe: folder } });
  };

  const parity = 'plugged_moe: computes what the reference computes';
  const writing = 'plugged_moe: is the same when it is written and opened';

  test('a family of a plugin computes what the reference computes, also when it was written', async () => {
    expect(checks({}).map(({ name }) => name)).toEqual([parity, writing]);
    for (const { run } of checks({})) await run();
  });

  test.each<[string, string, object, string]>([
    [
      'weighs experts otherwise',
      parity,
      { router: { ...granite.router, normalise: 'never' } },
      'The logits differ from those of the reference',
    ],
    [
      'writes a key that it does not read',
      writing,
      {
        keys: {
          ...granite.keys,
          experts: { ...granite.keys.experts, written: 'n_experts', absent: { value: 4 } },
        },
      },
      'is [8,16] but config.json makes it [4,16]',
    ],
    [
      'takes one key for another',
      parity,
      { keys: { ...granite.keys, topK: granite.keys.hiddenSize } },
      'hidden_size',
    ],
  ])('a family fails that %s: %s', async (_, name, change, message) => {
    await expect(
      checks(change)
        .find((one) => one.name === name)!
        .run(),
    ).rejects.toThrow(message);
  });

  test('a family without a reference, or without a manifest, fails', async () => {
    const plugin: Plugin = { name: 'bad', architectures: [{ modelType: 'b_moe', title: 'B' }] };
    await expect(checksOf(plugin)[0]!.run()).rejects.toThrow('className is missing');
    const manifest = { ...granite, modelType: 'unseen_moe' };
    const [check] = checksOf({ name: 'bad', architectures: [manifest] });
    await expect(check!.run()).rejects.toThrow('There is no reference of "unseen_moe"');
  });
}
