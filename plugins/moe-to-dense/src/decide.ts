import { type CondenseOp, layerEvidence, type MoeBlock, type PlanContext } from '@moepress/core';
import { groupExperts } from './grouping/group.js';
import type { MoeToDenseOptions } from './options.js';
import { relativeError } from './reconstruction.js';
import { defaultScaling, type Scaling, scaleParts, shares } from './scaling.js';
import { type Selection, selectExperts } from './scoring/select.js';
import { isExact, type Shape, shapeOf } from './shape.js';
import { frozenGate } from './shared.js';

/** The decision for one layer. */
export interface LayerDecision {
  readonly block: MoeBlock;
  readonly shape: Shape;
  readonly selection: Selection;
  readonly scaling: Scaling;
  readonly op: CondenseOp;
  /**
   * Relative L2 error of the routed experts' sum; null if the sum is zero or experts were averaged, because the
   * outputs of averages were not measured.
   */
  readonly error: number | null;
}

export async function decideLayer(
  block: MoeBlock,
  { evidence, options, rng, tools, signal }: PlanContext<MoeToDenseOptions>,
): Promise<LayerDecision> {
  if (!evidence) throw new Error('moe-to-dense was called without the evidence it needs.');
  const { ffn, index } = block;
  const layer = layerEvidence(evidence, index);
  const shape = shapeOf(ffn, options);
  const { scoring, grouping, regulariser = 1 / ffn.router.topK } = options;
  const selection = selectExperts(layer, { ffn, rng }, { scoring, count: shape.keep, regulariser });
  const partition = await groupExperts(selection, {
    layer,
    ffn,
    tools,
    grouping,
    groups: shape.parts,
    signal,
  });
  const scores = partition.map((group) => group.map((expert) => selection.scores[expert]!));
  const scaling = options.scaling ?? defaultScaling(ffn.router);
  const scales = scaleParts({
    scaling,
    router: ffn.router,
    scores: scores.map((own) => own.reduce((sum, score) => sum + score, 0)),
    layer,
    tokens: evidence.calibration.tokens,
  });
  const op: CondenseOp = {
    op: 'condense',
    parts: partition.map((group, part) => ({
      // A plan names slots; slots that share an expert are equivalent.
      experts: group.map((expert) => ffn.slots.indexOf(expert)),
      shares: shares(scores[part]!),
      scale: scales[part]!,
    })),
    shared: frozenGate(block, evidence, options),
    align: options.align,
  };
  const constants = partition.map(([expert], part) => ({ expert: expert!, scale: scales[part]! }));
  const error = isExact(shape) ? relativeError(layer, constants) : null;
  return { block, shape, selection, scaling, op, error };
}
