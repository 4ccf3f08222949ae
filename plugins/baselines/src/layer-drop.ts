import {
  type Compressor,
  type ExpertStatistic,
  type LayerPlan,
  layerEvidence,
  type Model,
  type MoeBlock,
  MoepressError,
  requireMoeBlocks,
  throwIfAborted,
  topIndices,
} from '@moepress/core';
import {
  add,
  cast,
  div,
  mul,
  plusNumber,
  reduceL2,
  reduceSum,
  rowCount,
  sumOverTokens,
} from '@moepress/graph';
import { z } from 'zod';
import { missedWarnings } from './missed.js';

/** Keeps the cosine of a state of zeros from being 0 / 0; a product of norms is never as small otherwise. */
const least = 1e-30;

/**
 * `sum` [1]: cos(h, h + y) over the tokens, for the hidden state h [H] that the output y [H] of the FFN is added to; `count` [1]: their number.
 * In double precision, as cosines are close to 1.
 */
const ffnCosines: ExpertStatistic = {
  name: 'ffn-cosines',
  version: 1,
  pass: 'forward',
  collect: (_, taps) => {
    const [h, y] = [cast(taps.residual!, 'float64'), cast(taps.ffnOutput, 'float64')];
    const after = add(h, y);
    const norms = plusNumber(mul(reduceL2(h, [1]), reduceL2(after, [1])), least);
    return {
      sum: sumOverTokens(div(reduceSum(mul(h, after), [1]), norms)),
      count: cast(rowCount(taps.residual!), 'float64'),
    };
  },
};

const options = z.strictObject({
  /** Fraction of the layers with experts that lose their FFNs. */
  ratio: z.number().min(0).lt(1),
  /** Not used: the method is deterministic. */
  seed: z.int().default(0),
});

export type LayerDropOptions = z.infer<typeof options>;

/**
 * Layer drop of MoE layers (He et al., arXiv:2406.02500, section 3.2): the floor(ratio L) of the L layers with experts whose
 * FFNs change the hidden states least lose them, shared experts included; attention stays. How little an FFN changes is the mean
 * over tokens of the cosine between the states before and after it is added. Of equal layers the later one goes first.
 * Throws `CONFIG_UNSUPPORTED` where what is added is not what the FFN yields: where a norm or a factor is in between.
 */
export const layerDrop: Compressor<LayerDropOptions> = {
  specVersion: 1,
  name: 'layer-drop',
  title: 'Layer drop: layers lose the FFNs that change hidden states least',
  reference: 'arXiv:2406.02500',
  options,
  needs(model) {
    droppable(model);
    return [ffnCosines];
  },
  outline: (model, { ratio }) => {
    const blocks = droppable(model);
    return plansFor(blocks.slice(0, Math.floor(blocks.length * ratio)));
  },
  async plan({ model, evidence, options: { ratio }, signal }) {
    throwIfAborted(signal);
    const blocks = droppable(model);
    const change = blocks.map(({ index }) => {
      const measured = layerEvidence(evidence, index);
      return -measured.read(ffnCosines, 'sum')[0]! / measured.read(ffnCosines, 'count')[0]!;
    });
    const gone = Math.floor(blocks.length * ratio);
    const kept = new Set(topIndices(change, blocks.length - gone));
    const warnings = missedWarnings(
      ratio,
      gone / blocks.length,
      'the layers with experts',
      'only whole layers go',
    );
    return {
      layers: plansFor(blocks.filter((_, i) => !kept.has(i))),
      warnings,
      details: { cosines: change.map((own) => -own) },
    };
  },
};

const plansFor = (blocks: readonly MoeBlock[]): LayerPlan[] =>
  blocks.map(({ index }) => ({ layer: index, ops: [{ op: 'drop-ffn' }] }));

function droppable(model: Model): MoeBlock[] {
  const blocks = requireMoeBlocks(model, 'drop');
  const normed = blocks.find(
    ({ norms, outputScale }) => norms.place === 'after' || norms.after || norms.parts || outputScale,
  );
  if (!normed && (model.config.multipliers?.residual ?? 1) === 1) return blocks;
  throw new MoepressError('CONFIG_UNSUPPORTED', {
    message: 'What its FFNs yield passes a norm or a factor before it is added, which is not measured.',
    where: model.source.directory,
    hint: 'Choose a method that drops experts.',
  });
}
