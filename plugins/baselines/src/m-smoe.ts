import {
  type Compressor,
  cols,
  concat,
  encodeIndices,
  firstSlots,
  type LayerEvidence,
  type LayerPlan,
  layerEvidence,
  type MethodTools,
  type Mlp,
  type Model,
  type MoeBlock,
  rows,
  throwIfAborted,
  topIndices,
  transpose,
} from '@moepress/core';
import { expertHits, routerLogitGram } from '@moepress/graph';
import { z } from 'zod';
import { bestAssignment } from './assignment.js';
import { type Cluster, keptOf, mergeableBlocks, mergeByUse, mergingOptions } from './merge-by-use.js';

const options = z.strictObject({
  ...mergingOptions,
  /**
   * Whether the channels of an expert are put in the order that fits those of its dominant one best. It takes time with the third
   * power of the number of channels.
   */
  align: z.boolean().default(true),
});

export type MSmoeOptions = z.infer<typeof options>;

/**
 * M-SMoE, the merging of MC-SMoE (arXiv:2310.01334): the experts that are chosen most often are dominant, as many as are to be
 * left in the whole model and one in each layer at least; the share of its layer's choices is what compares an expert with
 * those of other layers. Every other expert joins the dominant one of its layer whose router logits are most similar to its own over the tokens
 * (cosine), after its channels were permuted so that Σ <w_i, w_order(i)> over gate, up and down is the largest. A group
 * becomes its average weighted by use; all its slots use it, and the router stays. The paper's distillation and its
 * low-rank part are no part of this.
 */
export const mSmoe: Compressor<MSmoeOptions> = {
  specVersion: 1,
  name: 'm-smoe',
  title: 'M-SMoE: merging of experts into the most used ones with similar routing',
  reference: 'arXiv:2310.01334',
  options,
  needs(model) {
    mergeableBlocks(model);
    return [expertHits, routerLogitGram];
  },
  outline: (model, { ratio }) =>
    mergeableBlocks(model).flatMap((block): LayerPlan[] => {
      const n = block.ffn.pool.length;
      const first = Array.from({ length: n - keptOf(n, ratio) + 1 }, (_, e) => e);
      return mergeByUse(block, [{ experts: first }], new Float64Array(n));
    }),
  async plan({ model, evidence, options: { ratio, align }, tools, signal }) {
    const blocks = mergeableBlocks(model);
    const counts = blocks.map(({ index }) => layerEvidence(evidence, index).read(expertHits, 'count'));
    const dominant = dominantExperts(model, counts, ratio);
    const layers: LayerPlan[] = [];
    for (const [i, block] of blocks.entries()) {
      throwIfAborted(signal);
      const clusters = groupsOf(block, layerEvidence(evidence, block.index), dominant[i]!);
      const merged = align ? await Promise.all(clusters.map((own) => aligned(block, own, tools))) : clusters;
      layers.push(...mergeByUse(block, merged, counts[i]!));
    }
    return { layers };
  },
};

/** Of each layer, the experts that stay: the most used of all layers, and at least the most used of each. */
function dominantExperts(model: Model, counts: readonly Float64Array[], ratio: number): number[][] {
  const wanted = mergeableBlocks(model).reduce((sum, { ffn }) => sum + keptOf(ffn.pool.length, ratio), 0);
  const shares = counts.map((own) => {
    const total = own.reduce((sum, count) => sum + count, 0);
    return own.map((count) => (total > 0 ? count / total : 0));
  });
  const best = shares.map((own) => topIndices(own, 1)[0]!);
  const others = shares.flatMap((own, layer) =>
    [...own].flatMap((share, expert) => (expert === best[layer] ? [] : [{ layer, expert, share }])),
  );
  const chosen = topIndices(
    others.map(({ share }) => share),
    Math.max(0, wanted - best.length),
  ).map((i) => others[i]!);
  return best.map((expert, layer) =>
    [expert, ...chosen.filter((own) => own.layer === layer).map((own) => own.expert)].sort((a, b) => a - b),
  );
}

/** Every expert with the dominant one whose slot gets the most similar logits; of equal ones the first. */
function groupsOf({ ffn }: MoeBlock, measured: LayerEvidence, dominant: readonly number[]): Cluster[] {
  const gram = measured.read(routerLogitGram, 'gram');
  const slotOf = firstSlots(ffn);
  const product = (a: number, b: number) => gram[slotOf[a]! * ffn.slots.length + slotOf[b]!]!;
  const cosine = (a: number, b: number) => {
    const norms = Math.sqrt(product(a, a) * product(b, b));
    return norms > 0 ? product(a, b) / norms : 0;
  };
  const groups = new Map(dominant.map((expert) => [expert, [expert]]));
  for (const expert of ffn.pool.keys()) {
    if (groups.get(expert)?.[0] === expert) continue;
    const leader = dominant.reduce((best, own) => (cosine(expert, own) > cosine(expert, best) ? own : best));
    groups.get(leader)!.push(expert);
  }
  return [...groups.values()].map((experts) => ({ experts }));
}

/** The group with the channels of its experts in the order of those of the first. */
async function aligned({ ffn }: MoeBlock, { experts }: Cluster, tools: MethodTools): Promise<Cluster> {
  if (experts.length === 1) return { experts };
  const channels = experts.map((e) => channelsOf(ffn.pool[e]!));
  const [own] = channels as [ReturnType<typeof channelsOf>];
  const n = own.length;
  const permutations: (string | null)[] = [null];
  for (const others of channels.slice(1)) {
    const gram = await tools.gram([...own, ...others]);
    const products = Float64Array.from(
      { length: n * n },
      (_, at) => gram[Math.floor(at / n) * 2 * n + n + (at % n)]!,
    );
    permutations.push(encodeIndices(bestAssignment(products, n)));
  }
  return { experts, permutations };
}

/** The weights of each channel side by side, [1, 3 H]: its rows of gate and up and its column of down. */
const channelsOf = ({ gate, up, down, width }: Mlp) =>
  Array.from({ length: width }, (_, channel) =>
    concat(
      [...(gate ? [rows(gate, [channel])] : []), rows(up, [channel]), transpose(cols(down, [channel]))],
      1,
    ),
  );
