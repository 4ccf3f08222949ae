import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openModel } from '@moepress/checkpoint';
import { applyPlan, moeBlocks } from '@moepress/core';
import { describe, expect, it } from 'vitest';
import { fingerprint, openFixture, planFor, temporaryFolder } from '../support.test.util.js';
import { writeHuggingFace } from './write.js';

/** The fixture has 16 experts in 4 groups, of which 2 are selected. */
describe('a router that selects within groups', () => {
  it.each([
    [[0, 1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 15], true],
    [[0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14], true],
    [[0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14], false],
    [[0, 1, 2, 3, 4], true],
  ])('with experts %j comes back as it is (ungrouped: %s)', async (experts, ungrouped) => {
    const base = await openFixture('deepseek_v3');
    const plan = planFor(base, () => ({
      op: 'keep-experts',
      experts,
      ...(ungrouped && { ungrouped: true as const }),
    }));
    const view = applyPlan(base, plan);
    const out = join(await temporaryFolder(), 'out');
    const { directory } = await writeHuggingFace(view, out, { layout: 'compact', plan, base });
    const again = await openModel(directory);
    expect(await fingerprint(again)).toBe(await fingerprint(view));
    const groups = moeBlocks(again).map(({ ffn }) => ffn.router.groups);
    expect(groups).toEqual(moeBlocks(view).map(({ ffn }) => ffn.router.groups));
    expect(groups.every((own) => (own === null) === ungrouped)).toBe(true);
    const config = JSON.parse(await readFile(join(directory, 'config.json'), 'utf8'));
    expect([config.n_group, config.topk_group]).toEqual(ungrouped ? [1, 1] : [4, 2]);
  });
});
