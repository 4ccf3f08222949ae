import type { DecoderConfig } from '../model/config.js';
import type { Block, Model, MoeFfn } from '../model/model.js';
import { withTensors } from '../model/tensors.js';
import { moeBlocks } from '../model/walk.js';
import { sha256 } from '../sha256.js';
import { learned, type StoredTensor } from '../tensor/expr.js';
import { applyOperation, changesExperts } from './operations/index.js';
import { invalid } from './operations/operation.js';
import { checkBase, planHash } from './plan-document.js';
import type { CompressionPlan, LayerPlan } from './schema.js';

/**
 * The model a plan describes: a view over the base's files; nothing is read. `tensors` are those of the plan's own
 * file by their paths, if it has one. Throws `PLAN_BASE_MISMATCH` for another base, `PLAN_INVALID` for references
 * outside the model or tensors other than those the plan names, `RATIO_TOO_HIGH` if a layer would keep fewer experts
 * than the router selects.
 */
export function applyPlan(
  base: Model,
  plan: CompressionPlan,
  tensors: ReadonlyMap<string, StoredTensor> = new Map(),
): Model {
  checkBase(base, plan);
  const view = { ...applyLayers(base, plan.layers), headerHash: viewHash(base, plan) };
  const expected = plan.learned?.tensors ?? 0;
  if (tensors.size !== expected) {
    throw invalid(
      `The plan brings ${expected} learned tensors, its file has ${tensors.size}`,
      'plan, learned',
    );
  }
  return withTensors(view, new Map([...tensors].map(([path, stored]) => [path, learned(path, stored)])));
}

/** What tells a view from its base and from other views: a plan made from it fits nothing else. */
function viewHash(base: Model, plan: CompressionPlan): string {
  const changesNothing = plan.layers.length === 0 && !plan.learned;
  return changesNothing ? base.headerHash : sha256(base.headerHash, planHash(plan));
}

/** A model with some layers changed, as `applyPlan` changes them; for methods that compare decisions. */
export function applyLayers(base: Model, layers: readonly LayerPlan[]): Model {
  const pools = new Map(moeBlocks(base).map((block) => [block.index, block.ffn.pool]));
  const blocks = [...base.blocks];
  const seen = new Set<number>();
  for (const { layer, ops } of layers) {
    const block = blocks[layer];
    if (!block) throw invalid(`There is no layer ${layer} in ${base.id}`, `plan, layer ${layer}`);
    if (seen.has(layer)) throw invalid(`Layer ${layer} appears twice`, `plan, layer ${layer}`);
    seen.add(layer);
    blocks[layer] = ops.reduce(
      (view, op) =>
        applyOperation(view, op, {
          base: block,
          blocks: base.blocks,
          pools,
          where: `plan, layer ${layer}, ${op.op}`,
        }),
      block,
    );
  }
  const view = { ...base, blocks, config: { ...base.config, ...routerConfig(blocks) } };
  const changed = layers.filter(
    ({ layer, ops }) => blocks[layer]!.ffn.kind === 'moe' && ops.some(changesExperts),
  );
  checkShared(view, new Set(changed.map(({ layer }) => layer)));
  return view;
}

/**
 * An expert that serves several layers is one and the same in all of them. Throws `PLAN_INVALID` if an operation of a layer
 * makes another of an expert that another layer uses, too.
 */
function checkShared(view: Model, changed: ReadonlySet<number>): void {
  for (const { index, ffn } of moeBlocks(view)) {
    const foreign = ffn.pool.find(
      ({ origin }) => origin.layer !== index && (changed.has(index) || changed.has(origin.layer)),
    );
    if (!foreign) continue;
    throw invalid(
      `Expert ${foreign.origin.index} of layer ${foreign.origin.layer} serves layer ${index}; experts that layers share cannot be merged or lose channels`,
      `plan, layer ${changed.has(index) ? index : foreign.origin.layer}`,
    );
  }
}

/** What the config says of all routers: what the first of the widest has. */
function routerConfig(blocks: readonly Block[]): Pick<DecoderConfig, 'experts' | 'topK'> {
  const widest = blocks.reduce<MoeFfn | null>((found, { ffn }) => {
    return ffn.kind === 'moe' && ffn.slots.length > (found?.slots.length ?? 0) ? ffn : found;
  }, null);
  return { experts: widest?.slots.length ?? 0, topK: widest?.router.topK ?? 0 };
}
