import {
  applyPlan,
  buildPlan,
  type CompressionPlan,
  createRng,
  encodeChannels,
  type Model,
  moeBlocks,
  parseOptions,
} from '@moepress/core';
import { noTools, toyEvidence, toyPlan } from '@moepress/core/testing';
import { fisherMoe } from './compressor.js';

/** Mean absolute gradients by layer; experts of a layer one after the other, each as wide as it is. */
export type LayerScores = readonly (readonly number[])[];

export function evidenceFor(model: Model, scores: LayerScores) {
  const layers = moeBlocks(model).map(({ index, ffn }, i) => {
    const widths = ffn.pool.map(({ width }) => width);
    const [widest, rest] = [Math.max(...widths), [...scores[i]!]];
    // Rows of narrower experts end in zeros.
    const sum = widths.flatMap((width) => [...rest.splice(0, width), ...Array(widest - width).fill(0)]);
    return [index, { 'weight-gradient-magnitude': { sum } }];
  });
  return toyEvidence(Object.fromEntries(layers));
}

/** The plan for these options and gradients. */
export async function compress(model: Model, given: object, scores: LayerScores): Promise<CompressionPlan> {
  const options = parseOptions(fisherMoe, given);
  fisherMoe.needs(model, options);
  const evidence = evidenceFor(model, scores);
  const rng = createRng(0);
  const decision = await fisherMoe.plan({ model, evidence, options, rng, tools: noTools });
  const origin = { package: '@moepress/plugin-fisher-moe', version: '0.0.0' };
  const { calibration } = evidence;
  return buildPlan({ model, compressor: fisherMoe, origin, options, calibration, decision });
}

/** Channels that the experts keep, by layer: those of the rows of their gate projections. */
export const keptIn = (view: Model): number[][][] =>
  moeBlocks(view).map(({ ffn }) =>
    ffn.pool.map(({ gate, width }) =>
      gate?.kind === 'rows' ? [...gate.indices] : Array.from({ length: width }, (_, channel) => channel),
    ),
  );

export const widthsIn = (view: Model): number[][] =>
  moeBlocks(view).map(({ ffn }) => ffn.pool.map(({ width }) => width));

/** The model with experts that kept only their first channels. */
export function ragged(model: Model, widths: readonly (readonly number[])[]): Model {
  const layers = moeBlocks(model).map(({ index, ffn }, i) => {
    const channels = ffn.pool.map(({ width }, e) =>
      encodeChannels(
        Array.from({ length: widths[i]![e]! }, (_, channel) => channel),
        width,
      ),
    );
    return { layer: index, ops: [{ op: 'keep-channels' as const, channels }] };
  });
  return applyPlan(model, toyPlan(model, layers));
}
