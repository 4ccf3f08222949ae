import {
  applyLayers,
  type Compressor,
  type CondenseOp,
  firstSlots,
  type LayerPlan,
  type Model,
  type Statistic,
  throwIfAborted,
} from '@moepress/core';
import { decideLayer, type LayerDecision } from './decide.js';
import { groupingNeeds } from './grouping/group.js';
import { type MoeToDenseOptions, options } from './options.js';
import { reconstructionNeeds, relativeL2 } from './reconstruction.js';
import { defaultScaling, scalingNeeds } from './scaling.js';
import { selectionNeeds } from './scoring/select.js';
import { checkedBlocks, isExact, shapeOf } from './shape.js';
import { isFrozen, sharedNeeds } from './shared.js';
import { warningsOf } from './warnings.js';

/**
 * MoE-to-dense: in every layer a few experts, chosen or averaged, stand side by side as one dense FFN that computes
 * the sum of their outputs, each times a constant; a shared expert joins them. The router goes. What comes out is
 * the initial state of a distillation. Throws `INPUT_INVALID`, `OPTIONS_INVALID` and `CONFIG_UNSUPPORTED` before
 * anything is measured.
 */
export const moeToDense: Compressor<MoeToDenseOptions> = {
  specVersion: 1,
  name: 'moe-to-dense',
  title: 'MoE-to-dense: a few experts side by side as one dense FFN',
  reference: 'arXiv:2605.28207',
  options,
  needs,
  outline: (model, options) =>
    checkedBlocks(model, options).map((block): LayerPlan => {
      const { ffn, index: layer } = block;
      const { parts } = shapeOf(ffn, options);
      const slots = firstSlots(ffn).slice(0, parts);
      const condense: CondenseOp = {
        op: 'condense',
        parts: slots.map((slot) => ({ experts: [slot], shares: [1], scale: 1 })),
        shared: isFrozen(block, options) ? 1 : null,
        align: options.align,
      };
      return { layer, ops: [condense] };
    }),
  async plan(context) {
    const { model, options, tools, progress, signal } = context;
    const blocks = checkedBlocks(model, options);
    const decisions: LayerDecision[] = [];
    const task = 'Condensing layers';
    progress?.({ type: 'start', task, total: blocks.length, unit: 'layers' });
    for (const block of blocks) {
      throwIfAborted(signal);
      decisions.push(await decideLayer(block, context));
      progress?.({ type: 'advance', task, done: decisions.length });
    }
    progress?.({ type: 'end', task });
    const layers = decisions.map(({ block, op }): LayerPlan => ({ layer: block.index, ops: [op] }));
    const compared = await tools.compareViews({
      views: [layers],
      criterion: relativeL2,
      progress,
      signal,
    });
    return {
      layers,
      warnings: warningsOf(decisions, options),
      details: {
        layers: describe(model, decisions, layers),
        /** ||h' - h|| / ||h|| of the states after the final norm, mean over sequences' tokens. */
        distance: compared.distances[0]!,
      },
    };
  },
};

function needs(model: Model, options: MoeToDenseOptions): Statistic[] {
  const blocks = checkedBlocks(model, options);
  const wanted = blocks.flatMap(({ ffn }) => [
    ...scalingNeeds(options.scaling ?? defaultScaling(ffn.router)),
    ...(isExact(shapeOf(ffn, options)) ? reconstructionNeeds : groupingNeeds(options.grouping)),
  ]);
  const all = [...selectionNeeds(options.scoring), ...wanted, ...sharedNeeds(model, options)];
  return [...new Set(all)];
}

function describe(model: Model, decisions: readonly LayerDecision[], layers: readonly LayerPlan[]) {
  const { blocks } = applyLayers(model, layers);
  return decisions.map(({ block, shape, scaling, error }) => {
    const { ffn } = blocks[block.index]!;
    return {
      layer: block.index,
      experts: shape.keep,
      parts: shape.parts,
      scaling,
      width: ffn.kind === 'dense' ? ffn.mlp.width : null,
      error,
    };
  });
}
