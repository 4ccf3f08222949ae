import {
  applyLayers,
  type Block,
  buildPlan,
  type CalibrationRecord,
  type CalibrationSet,
  type CompressionPlan,
  createRng,
  type Evidence,
  type LayerPlan,
  type Model,
  MoepressError,
  type PlanDecision,
  parseOptions,
  type Statistic,
} from '@moepress/core';
import { calibrateInOrder } from '../calibration/calibrate-in-order.js';
import type { LayerSums } from '../calibration/layer-sums.js';
import { recordOf } from '../calibration/set.js';
import { isMeasured } from '../decoder/statistics.js';
import type { Engine } from '../engine/engine.js';
import { weightsDigest } from '../evidence/identity.js';
import { engineTools } from '../tools/engine-tools.js';
import type { PlanRequest } from './plan.js';

export interface PlanInOrderRequest
  extends Pick<PlanRequest, 'model' | 'method' | 'options' | 'progress' | 'signal'> {
  readonly calibration: () => Promise<CalibrationSet>;
}

/**
 * Lets a method decide layer by layer, each layer by what is measured in it on what the layers below give as the plan leaves
 * them (`calibrateInOrder`). The method is asked for a decision about a model of that layer alone, so it must be one that decides
 * each layer by itself (`Compressor.decidesByLayer`). Throws `OPTIONS_INVALID` before anything is measured for any other, and what
 * `planCompression` and `calibrateInOrder` throw.
 */
export async function planInOrder(engine: Engine, request: PlanInOrderRequest): Promise<CompressionPlan> {
  const { model, method, progress, signal } = request;
  const { compressor, origin } = method;
  const options = parseOptions(compressor, request.options);
  const statistics = compressor.needs(model, options);
  if (statistics.length === 0 || !compressor.decidesByLayer?.(options))
    throw refusal(request, statistics.length);
  const weights = await weightsDigest(model, { progress, signal });
  const set = await request.calibration();
  const calibration = recordOf(set);
  const rng = createRng(options.seed);
  const noTokens = () => Promise.reject(new Error('A decision about one layer compares no views.'));
  const tools = engineTools(engine, noTokens, progress);
  const decisions: PlanDecision[] = [];
  const decide = async (block: Block, sums: LayerSums): Promise<Block> => {
    const evidence = evidenceOf(block, sums, calibration);
    const decision = await compressor.plan({
      ...{ evidence, options, rng, tools, signal },
      model: { ...model, blocks: [block] },
    });
    decisions.push(decision);
    return blockOf(model, block, decision.layers);
  };
  await calibrateInOrder(engine, { model, set, statistics, decide, progress, signal });
  await weights.checkUnchanged();
  return buildPlan({
    ...{ model, weights: weights.hash, compressor, origin, options, calibration },
    decision: {
      layers: decisions.flatMap(({ layers }) => layers),
      warnings: [...new Set(decisions.flatMap(({ warnings = [] }) => warnings))],
      details: { propagated: true },
    },
  });
}

const evidenceOf = (block: Block, sums: LayerSums, calibration: CalibrationRecord): Evidence => {
  const of = (target: Statistic['target']) => (isMeasured(block, target) ? [sums] : []);
  return { calibration, layers: of('experts'), mlps: of('mlps'), attention: of('attention') };
};

/** The block as the plan leaves it. Throws `PLUGIN_INVALID` for changes of other layers. */
function blockOf(model: Model, { index }: Block, layers: readonly LayerPlan[]): Block {
  const other = layers.find(({ layer }) => layer !== index);
  if (!other) return applyLayers(model, layers).blocks[index]!;
  throw new MoepressError('PLUGIN_INVALID', {
    message: `Asked about layer ${index}, the method decided about layer ${other.layer}.`,
    where: 'propagate',
    hint: 'Report this to the author of the plugin.',
  });
}

function refusal({ method }: PlanInOrderRequest, statistics: number): MoepressError {
  const { name } = method.compressor;
  return new MoepressError('OPTIONS_INVALID', {
    message:
      statistics === 0
        ? `With these options ${name} measures nothing, so that nothing can be measured on what other layers give.`
        : `With these options ${name} does not decide each layer by itself, and those above one are not measured when it is decided about.`,
    where: 'propagate',
    hint: 'Leave out `propagate`, or choose a method and a budget that decide each layer by itself.',
  });
}
