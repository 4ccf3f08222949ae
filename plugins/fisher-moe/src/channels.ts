import {
  type Evidence,
  type Expert,
  layerEvidence,
  type Model,
  type MoeBlock,
  MoepressError,
  moeBlocks,
  requireMoeBlocks,
} from '@moepress/core';
import type { ChannelScorer } from './scorers.js';

/** The channels of one expert; those of all experts are numbered through, layer by layer. */
export interface ExpertChannels {
  /** Decoder layer, and index in its pool. */
  readonly layer: number;
  readonly index: number;
  readonly expert: Expert;
  /** Number of its first channel among those of the model. */
  readonly start: number;
}

/**
 * The experts of all MoE layers in order. Throws `INPUT_INVALID` for a model without experts, or one in
 * which a layer uses experts of another: those would have to lose the same channels in both.
 */
export function channelsOf(model: Model): ExpertChannels[] {
  const experts: ExpertChannels[] = [];
  let start = 0;
  for (const { index: layer, ffn } of requireMoeBlocks(model, 'make narrower')) {
    for (const [index, expert] of ffn.pool.entries()) {
      if (expert.origin.layer !== layer) throw shared(model, layer, expert);
      experts.push({ layer, index, expert, start });
      start += expert.width;
    }
  }
  return experts;
}

function shared(model: Model, layer: number, { origin }: Expert): MoepressError {
  return new MoepressError('INPUT_INVALID', {
    message: `Layer ${layer} of ${model.id} uses expert ${origin.index} of layer ${origin.layer}; experts that layers share cannot lose channels.`,
    where: model.source.directory,
    hint: 'Make the experts of the original narrower, and share them afterwards.',
  });
}

/** How many channels experts have together. */
export const channelCount = (experts: readonly ExpertChannels[]): number =>
  experts.reduce((sum, { expert }) => sum + expert.width, 0);

/** Numbers of the channels of neighbouring experts, ascending. */
export function channelsIn(experts: readonly ExpertChannels[]): Uint32Array {
  const first = experts[0]!.start;
  return new Uint32Array(channelCount(experts)).map((_, i) => first + i);
}

/**
 * Scores of all channels of the model, means over the calibration sequences. Throws
 * `WEIGHTS_NOT_FINITE` if one is not a number.
 */
export function scoreChannels(
  model: Model,
  experts: readonly ExpertChannels[],
  evidence: Evidence,
  scorer: ChannelScorer,
): Float64Array {
  const rows = new Map(moeBlocks(model).map((block) => [block.index, layerRows(block, evidence, scorer)]));
  const scores = new Float64Array(channelCount(experts));
  for (const { layer, index, expert, start } of experts) {
    const row = rows.get(layer)![index]!;
    for (let j = 0; j < expert.width; j++) scores[start + j] = row[j]! / evidence.calibration.sequences;
  }
  return scores;
}

/** The scores of one layer, a row per expert. */
function layerRows(
  { index: layer, ffn }: MoeBlock,
  evidence: Evidence,
  { name, statistic }: ChannelScorer,
): Float64Array[] {
  const scores = layerEvidence(evidence, layer).read(statistic, 'sum');
  const widest = Math.max(...ffn.pool.map(({ width }) => width));
  if (scores.length !== ffn.pool.length * widest) {
    throw new Error(`${scores.length} scores for ${ffn.pool.length} experts of ${widest} channels.`);
  }
  if (scores.every(Number.isFinite)) {
    return ffn.pool.map((_, e) => scores.subarray(e * widest, (e + 1) * widest));
  }
  throw new MoepressError('WEIGHTS_NOT_FINITE', {
    message: `The ${name} scores of its channels are not finite.`,
    where: `layer ${layer}`,
  });
}
