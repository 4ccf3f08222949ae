import { warnOfMissedRatio } from '@moepress/core';
import type { LayerDecision } from './decide.js';
import type { MoeToDenseOptions } from './options.js';

/** Warnings about the result for the user. */
export function warningsOf(
  decisions: readonly LayerDecision[],
  { ratio }: Pick<MoeToDenseOptions, 'ratio'>,
): string[] {
  return [
    'The dense model is what distillation begins with: as it is, it is of little use. Train it with the refiner distil.',
    warnOfRatio(decisions, ratio),
    warnOfScale(decisions),
    warnOfWidth(decisions),
    warnOfSilence(decisions),
    warnOfGates(decisions),
  ].filter((warning) => warning !== undefined);
}

function warnOfRatio(decisions: readonly LayerDecision[], ratio: number | undefined): string | undefined {
  const all = decisions.reduce((sum, { block }) => sum + block.ffn.pool.length, 0);
  const parts = decisions.reduce((sum, { shape }) => sum + shape.parts, 0);
  return warnOfMissedRatio(
    ratio,
    1 - parts / all,
    'the routed experts',
    'a dense FFN is as wide as a whole number of experts',
  );
}

/** Weights that are not normalised sum to less than one, and the sum of outputs may come out too long. */
function warnOfScale(decisions: readonly LayerDecision[]): string | undefined {
  const wrong = decisions.filter(
    ({ block, scaling }) => !block.ffn.router.normalise && scaling !== 'matched',
  );
  if (wrong.length === 0) return undefined;
  return `The routers of ${wrong.length} layers do not normalise their weights, so that these sum to less than the scaling "${wrong[0]!.scaling}" makes of them. The scaling "matched" measures the sum.`;
}

function warnOfWidth(decisions: readonly LayerDecision[]): string | undefined {
  const other = decisions.find(({ block, shape }) => shape.parts !== block.ffn.router.topK);
  if (!other) return undefined;
  const { shape, block } = other;
  return `Each dense FFN is as wide as ${shape.parts} experts, where a token was routed to ${block.ffn.router.topK}. Published results are of the latter; leave the ratio out for them.`;
}

function warnOfSilence(decisions: readonly LayerDecision[]): string | undefined {
  const silent = decisions.filter(({ selection: { experts, scores } }) =>
    experts.some((expert) => scores[expert] === 0),
  );
  if (silent.length === 0) return undefined;
  const layers = silent.map(({ block }) => block.index).join(', ');
  return `Experts that score 0 were taken for want of better ones (layers ${layers}). More or more varied calibration text would tell.`;
}

function warnOfGates(decisions: readonly LayerDecision[]): string | undefined {
  const frozen = decisions.filter(({ op }) => op.shared !== null);
  if (frozen.length === 0) return undefined;
  return `The gates of ${frozen.length} shared experts, which depend on the token, became constants (their means, ${frozen.map(({ op }) => op.shared!.toFixed(2)).join(', ')}). With the option shared=gated they stay, but no standard dense model has them.`;
}
