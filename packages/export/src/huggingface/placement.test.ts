import { applyPlan, moeBlocks } from '@moepress/core';
import { describe, expect, it } from 'vitest';
import { dropPlan, openFixture, raggedPlan, remapPlan } from '../support.test.util.js';
import { compactRecord, placeByOrigin, placeBySlot, sharesExperts } from './placement.js';

describe('placement', () => {
  it('stores every expert once, in the layer it came from, without gaps', async () => {
    const base = await openFixture('olmoe');
    const view = applyPlan(base, remapPlan(base));
    const experts = placeByOrigin(view);
    expect([...experts].map(([layer, stored]) => [layer, stored.map(({ origin }) => origin.index)])).toEqual([
      [0, [2, 3, 4, 5, 9]],
      [1, [2, 3, 4, 5]],
    ]);
    const second = compactRecord(view, experts, { ragged: false, ofLayers: new Map() }).layers[1]!;
    expect(second.experts).toEqual([2, 3, 4, 5]);
    expect(second).not.toHaveProperty('widths');
    // Slot 0 uses expert 9 of layer 0, stored there as the fifth; slot 1 expert 5 of its own.
    expect(second.slots.slice(0, 2)).toEqual([
      [0, 4],
      [1, 3],
    ]);
  });

  it('fills every slot in the stock layout', async () => {
    const base = await openFixture('olmoe');
    const experts = placeBySlot(applyPlan(base, remapPlan(base)));
    expect(
      experts
        .get(1)!
        .map(({ origin }) => origin.layer)
        .slice(0, 3),
    ).toEqual([0, 1, 1]);
    expect(experts.get(1)).toHaveLength(16);
  });

  it('tells the width of every expert stored, where they differ', async () => {
    const base = await openFixture('olmoe');
    const view = applyPlan(base, raggedPlan(base));
    const record = compactRecord(view, placeByOrigin(view), { ragged: true, ofLayers: new Map() });
    expect(record.layers.map(({ widths }) => widths)).toEqual(
      moeBlocks(view).map(({ ffn }) => ffn.pool.map(({ width }) => width)),
    );
  });

  it('knows when there is nothing to share', async () => {
    const base = await openFixture('qwen3_moe_sharded');
    expect(sharesExperts(base)).toBe(false);
    expect(sharesExperts(applyPlan(base, dropPlan(base)))).toBe(false);
    expect(sharesExperts(applyPlan(base, remapPlan(base)))).toBe(true);
  });
});
