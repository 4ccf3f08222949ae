import { MoepressError } from '../errors/error.js';
import type { Block, Expert, Model, MoeFfn, Router, RouterGroups } from '../model/model.js';
import { type ExpertRef, indexExperts } from '../model/slots.js';
import { withTensors } from '../model/tensors.js';
import { moeBlocks } from '../model/walk.js';
import { sha256 } from '../sha256.js';
import { learned, rows, type StoredTensor } from '../tensor/expr.js';
import { checkNarrowed, keepChannels } from './channels.js';
import { condense } from './condense.js';
import { checkBase, planHash } from './plan-document.js';
import type { CompressionPlan, LayerOp, LayerPlan } from './schema.js';

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
    const ffn = ops.reduce<Block['ffn']>((view, op) => applyOp(view, op, block, pools), block.ffn);
    blocks[layer] = { ...block, ffn };
  }
  const view = { ...base, blocks, config: { ...base.config, experts: slotCount(blocks) } };
  const narrowed = layers.filter(
    ({ layer, ops }) => blocks[layer]!.ffn.kind === 'moe' && ops.some(({ op }) => op === 'keep-channels'),
  );
  checkNarrowed(view, new Set(narrowed.map(({ layer }) => layer)));
  return view;
}

function applyOp(
  ffn: Block['ffn'],
  op: LayerOp,
  block: Block,
  pools: ReadonlyMap<number, readonly Expert[]>,
): Block['ffn'] {
  const where = `plan, layer ${block.index}, ${op.op}`;
  if (ffn.kind === 'none') throw invalid(`Layer ${block.index} has no FFN`, where);
  if (op.op === 'keep-channels') return keepChannels(ffn, op.channels, where);
  if (block.ffn.kind !== 'moe') throw invalid(`Layer ${block.index} has no experts`, where);
  if (ffn.kind === 'dense') throw invalid('Only keep-channels can follow condense', where);
  if (op.op === 'condense') {
    if (!block.norms.parts) return condense(ffn, op, where);
    throw new MoepressError('CONFIG_UNSUPPORTED', {
      message: 'Its routed experts and its dense MLP have norms of their own, and cannot become one FFN.',
      where,
      hint: 'Choose a method that keeps the router.',
    });
  }
  if (op.op === 'keep-experts') return keepExperts(ungroup(ffn, op.ungrouped), op.experts, where);
  return remapSlots(ffn, op.slots, pools, where);
}

/** The same experts behind a router that selects among all of them. */
function ungroup(ffn: MoeFfn, ungrouped = false): MoeFfn {
  return ungrouped ? { ...ffn, router: { ...ffn.router, groups: null } } : ffn;
}

/** Expert dropping: pool and router rows shrink together; slots that share an expert keep sharing it. */
function keepExperts(ffn: MoeFfn, experts: readonly number[], where: string): MoeFfn {
  const kept = [...experts].sort((a, b) => a - b);
  if (new Set(kept).size !== kept.length) throw invalid('An expert is listed twice', where);
  const outside = kept.find((e) => e >= ffn.slots.length);
  if (outside !== undefined) throw invalid(`There is no expert ${outside}`, where);
  if (kept.length < ffn.router.topK) {
    throw new MoepressError('RATIO_TOO_HIGH', {
      message: `${kept.length} experts would remain but the router selects ${ffn.router.topK}.`,
      where,
    });
  }
  const { groups, weight, bias, selectionBias, slotScales } = ffn.router;
  if (groups) checkGroups(kept, ffn, groups, where);
  const entries = kept.map((slot) => ffn.slots[slot]!);
  const used = [...new Set(entries)].sort((a, b) => a - b);
  return {
    ...ffn,
    router: {
      ...ffn.router,
      weight: rows(weight, kept),
      bias: bias && rows(bias, kept),
      selectionBias: selectionBias && rows(selectionBias, kept),
      ...(slotScales && { slotScales: rows(slotScales, kept) }),
    },
    pool: used.map((entry) => ffn.pool[entry]!),
    slots: entries.map((entry) => used.indexOf(entry)),
  };
}

/** Groups are equal runs of slots, so each must lose the same number, and enough must remain to select from. */
function checkGroups(kept: readonly number[], ffn: MoeFfn, groups: RouterGroups, where: string): void {
  const size = ffn.slots.length / groups.count;
  const left = Array.from(
    { length: groups.count },
    (_, g) => kept.filter((e) => Math.floor(e / size) === g).length,
  );
  const each = left[0]!;
  if (left.some((n) => n !== each)) {
    throw invalid(
      `The router's ${groups.count} groups must keep equally many experts, not ${left.join(', ')}`,
      where,
    );
  }
  const least = leastSlots(ffn.router);
  if (each < least) {
    throw new MoepressError('RATIO_TOO_HIGH', {
      message: `${each} experts would remain in each of the router's groups, which needs ${least}.`,
      where,
    });
  }
}

/** How many slots each of a router's groups must keep, or the router as a whole if it has none. */
export function leastSlots({ topK, groups }: Router): number {
  if (!groups) return topK;
  return Math.max(Math.ceil(topK / groups.selected), groups.by === 'top-2-sum' ? 2 : 1);
}

/** Many slots use one prototype, possibly of another layer; the router is unchanged. */
function remapSlots(
  ffn: MoeFfn,
  slots: readonly ExpertRef[],
  pools: ReadonlyMap<number, readonly Expert[]>,
  where: string,
): MoeFfn {
  if (slots.length !== ffn.slots.length) {
    throw invalid(`${slots.length} slots for a router of ${ffn.slots.length}`, where);
  }
  const indexed = indexExperts(slots);
  const { topK, weighs } = ffn.router;
  if (weighs === 'input' && topK > 1 && indexed.experts.length < slots.length) {
    throw new MoepressError('CONFIG_UNSUPPORTED', {
      message: `The router weighs what goes into an expert and chooses ${topK}: slots that share an expert would not be one run of it with the sum of their weights.`,
      where,
      hint: 'Choose a method that drops experts.',
    });
  }
  const pool = indexed.experts.map(([layer, index]) => {
    const expert = pools.get(layer)?.[index];
    if (!expert) throw invalid(`There is no expert ${index} in layer ${layer}`, where);
    return expert;
  });
  return { ...ffn, pool, slots: indexed.slots };
}

/** The router width all MoE layers share, or the widest of them. */
function slotCount(blocks: readonly Block[]): number {
  return Math.max(0, ...blocks.map(({ ffn }) => (ffn.kind === 'moe' ? ffn.slots.length : 0)));
}

function invalid(problem: string, where: string): MoepressError {
  return new MoepressError('PLAN_INVALID', { message: `${problem}.`, where });
}
