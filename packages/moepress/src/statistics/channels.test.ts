import { applyPlan, encodeChannels } from '@moepress/core';
import { toyEvidence, toyModel, toyPlan } from '@moepress/core/testing';
import { weightFisher } from '@moepress/graph';
import { describe, expect, it } from 'vitest';
import { renderMass, renderOverlaps } from '../../cli/text/channels-text.js';
import { renderHeatMap } from '../figures/heat-map.js';
import { type ExpertScores, expertScores, massOf } from './channel-mass.js';
import { overlapsOf } from './channel-overlap.js';

const expert = (layer: number, index: number, ...scores: number[]): ExpertScores => ({
  layer,
  expert: index,
  scores: Float64Array.from(scores),
});

const experts = [expert(1, 0, 4, 0), expert(1, 1, 1, 1, 1, 1), expert(3, 0, 12, 0, 0, 0)];

describe('expertScores', () => {
  it('splits what was measured by the widths of the experts', () => {
    const model = toyModel({ layers: 2, experts: 2, topK: 1, width: 2, dense: [0] });
    const evidence = toyEvidence({ 1: { 'weight-fisher': { sum: [1, 2, 3, 4] } } });
    expect(expertScores(model, evidence, weightFisher)).toEqual([expert(1, 0, 1, 2), expert(1, 1, 3, 4)]);
    const channels = [encodeChannels([0], 2), encodeChannels([0, 1], 2)];
    const plan = toyPlan(model, [{ layer: 1, ops: [{ op: 'keep-channels', channels }] }]);
    const padded = toyEvidence({ 1: { 'weight-fisher': { sum: [1, 0, 3, 4] } } });
    expect(expertScores(applyPlan(model, plan), padded, weightFisher)).toEqual([
      expert(1, 0, 1),
      expert(1, 1, 3, 4),
    ]);
  });
});

describe('massOf', () => {
  it('gives layers and experts their shares of the model', () => {
    expect(massOf(experts).layers).toEqual([
      { layer: 1, share: 0.4, experts: [0.2, 0.2] },
      { layer: 3, share: 0.6, experts: [0.6] },
    ]);
  });

  it('tells what the best channels hold, at least one of them', () => {
    expect(massOf(experts).concentration).toEqual([
      { channels: 0.01, share: 0.6 },
      { channels: 0.1, share: 0.6 },
    ]);
  });

  it('is 0 everywhere where nothing was measured', () => {
    expect(massOf([expert(0, 0, 0, 0)])).toMatchObject({ layers: [{ share: 0, experts: [0] }] });
  });

  it('reads as a table', () => {
    const text = renderMass(massOf(experts));
    expect(text).toContain('60.0 %');
    expect(text).toContain('0 (20.0 %), 1 (20.0 %)');
    expect(text).toContain('the best 1 % of the channels hold 60.0 %');
  });
});

describe('overlapsOf', () => {
  it('compares what is kept of the model and of each expert', () => {
    const a = [expert(0, 0, 1, 2, 3, 4), expert(0, 1, 5, 6, 7, 8)];
    const b = [expert(0, 0, 4, 3, 2, 1), expert(0, 1, 8, 7, 6, 5)];
    expect(overlapsOf(a, a).map(({ model, expert }) => [model, expert])).toEqual(Array(3).fill([1, 1]));
    expect(overlapsOf(a, b)[1]).toEqual({ removed: 0.5, model: 1, expert: 0 });
    expect(overlapsOf(a, b)[0]).toEqual({ removed: 0.25, model: 4 / 6, expert: 4 / 6 });
  });

  it('reads as a table with what chance would give', () => {
    const text = renderOverlaps([{ removed: 0.75, model: 0.5, expert: 0.4 }], 'c4:8');
    expect(text).toMatch(/75 % +50\.0 % +40\.0 % +25\.0 %/);
    expect(text).toContain('c4:8');
  });
});

describe('renderHeatMap', () => {
  it('is an SVG document with a cell for every expert, for light and dark', async () => {
    const svg = await renderHeatMap([{ text: 'c4:8', ...massOf(experts) }], 'toy <text> & more');
    expect(svg).toMatch(/^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
    expect(svg.match(/<rect /g)).toHaveLength(3);
    expect(svg).toContain('layer 3, expert 0: 60.00 %');
    const opacities = [...svg.matchAll(/fill-opacity="([\d.]+)"/g)].map(([, opacity]) => Number(opacity));
    expect(opacities[2]).toBe(1);
    expect(opacities[0]).toBeCloseTo(0.03 + 0.97 * Math.sqrt(1 / 3), 2);
    expect(svg).toContain('prefers-color-scheme: dark');
    // A style of its own would overrule the one for dark pages.
    expect(svg).not.toMatch(/^<svg [^>]*style=/);
    expect(svg).toContain('sensitivity on c4:8');
    expect(svg).toContain('toy &lt;text&gt; &amp; more');
  });

  it('shows a second text beside the first, on one scale', async () => {
    const { layers } = massOf(experts);
    const half = layers.map((one) => ({ ...one, experts: one.experts.map((share) => share / 2) }));
    const panels = [
      { text: 'c4:8', layers },
      { text: 'gsm8k[train]:8', layers: half },
    ];
    const svg = await renderHeatMap(panels, 'toy');
    expect(svg.match(/<rect /g)).toHaveLength(6);
    expect(svg).toContain('c4:8 and gsm8k[train]:8');
    expect(svg).toContain('layer 3, expert 0: 30.00 %');
  });
});
