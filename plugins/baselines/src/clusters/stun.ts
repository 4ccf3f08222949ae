import {
  type Compressor,
  firstSlots,
  type LayerPlan,
  layerEvidence,
  type MethodTools,
  type MoeBlock,
  MoepressError,
  rows,
  throwIfAborted,
  type Work,
} from '@moepress/core';
import { jointSelections } from '@moepress/graph';
import { z } from 'zod';
import { missedWarnings } from '../missed.js';
import { type RunsOfLayer, runsToDrop } from '../subsets/droppable-runs.js';
import { completeLinkage } from './linkage.js';

const options = z.strictObject({
  /** Fraction of each layer's experts to drop. */
  ratio: z.number().min(0).lt(1),
  /** Not used: the method is deterministic. */
  seed: z.int().default(0),
  /** Weight of the distance between rows of the router. */
  routerWeight: z.number().min(0).default(1),
  /** Weight of how often two experts are chosen for one token, which brings them closer; 0 measures nothing. */
  coactivationWeight: z.number().min(0).default(0),
});

export type StunOptions = z.infer<typeof options>;

/**
 * The first stage of STUN (arXiv:2409.06211): experts whose router rows lie close together behave alike; they form clusters, and of
 * each cluster one expert stays, the one whose parameters lie closest to the cluster's mean. The distance of experts i and j is
 *
 *     routerWeight ||W_i - W_j||_2 / max - coactivationWeight a_ij / max
 *
 * with W the router's rows, a_ij the tokens that chose both, and each term divided by its largest value in the layer, which the
 * paper leaves open. Clusters are joined by complete linkage until as many are left as experts stay; the paper demands that all
 * members be close, too, and searches for the threshold that gives that number. Its second stage, which makes single weights zero,
 * is not part of this, and neither is the reconstruction of clusters by their mean. Throws what dropping the lowest throws, and
 * `INPUT_INVALID` where the experts of a layer differ in width.
 */
export const stun: Compressor<StunOptions> = {
  specVersion: 1,
  name: 'stun',
  title: 'STUN, first stage: one expert of each cluster by router rows',
  reference: 'arXiv:2409.06211',
  options,
  decidesByLayer: () => true,
  needs(model, { ratio, coactivationWeight }) {
    for (const { block } of runsToDrop(model, ratio)) checkWidths(block, model.source.directory);
    return coactivationWeight > 0 ? [jointSelections] : [];
  },
  outline: (model, { ratio }) =>
    runsToDrop(model, ratio).flatMap(({ block, runs, leaving }) =>
      keepExperts(
        block,
        runs.flatMap((run) => run.slice(leaving)),
      ),
    ),
  async plan({ model, evidence, options: own, tools, progress, signal }) {
    const layers = runsToDrop(model, own.ratio);
    const work = { progress, signal };
    const plans: LayerPlan[] = [];
    for (const layer of layers) {
      throwIfAborted(signal);
      if (layer.leaving === 0) continue;
      const joint =
        own.coactivationWeight > 0
          ? layerEvidence(evidence, layer.block.index).read(jointSelections, 'counts')
          : null;
      plans.push(...keepExperts(layer.block, await representatives(layer, own, { joint, tools, work })));
    }
    const count = (of: (layer: RunsOfLayer) => number) => layers.reduce((sum, layer) => sum + of(layer), 0);
    const gone = count(({ runs, leaving }) => runs.length * leaving);
    const removed = gone / count(({ block }) => block.ffn.pool.length);
    const warnings = missedWarnings(
      own.ratio,
      removed,
      'the routed experts',
      'only whole experts of a layer go',
    );
    return { layers: plans, warnings };
  },
};

interface Measured {
  /** Tokens that chose both of two slots, [N, N]; null if they do not matter. */
  readonly joint: Float64Array | null;
  readonly tools: MethodTools;
  readonly work: Work;
}

/** The experts that stay, one of each cluster. */
async function representatives(
  { block: { ffn }, runs, leaving }: RunsOfLayer,
  own: StunOptions,
  { joint, tools, work }: Measured,
): Promise<number[]> {
  const n = ffn.pool.length;
  const slotOf = firstSlots(ffn);
  const routers = await tools.gram(
    slotOf.map((slot) => rows(ffn.router.weight, [slot])),
    work,
  );
  const parameters = await parameterGram(ffn.pool, tools, work);
  const router = scaled(n, (a, b) => distanceIn(routers, n, a, b));
  const together = scaled(n, (a, b) => joint?.[slotOf[a]! * n + slotOf[b]!] ?? 0);
  const distance = (a: number, b: number) =>
    own.routerWeight * router[a * n + b]! - own.coactivationWeight * together[a * n + b]!;
  return runs.flatMap((run) =>
    completeLinkage(run, run.length - leaving, distance).map((cluster) =>
      closestToMean(cluster, parameters, n),
    ),
  );
}

/** Inner products of all parameters of the experts, [pool, pool]. */
async function parameterGram(
  pool: MoeBlock['ffn']['pool'],
  tools: MethodTools,
  work: Work,
): Promise<Float64Array> {
  const sum = new Float64Array(pool.length ** 2);
  for (const part of ['gate', 'up', 'down'] as const) {
    const tensors = pool.flatMap((expert) => expert[part] ?? []);
    if (tensors.length < pool.length) continue;
    for (const [i, product] of (await tools.gram(tensors, work)).entries()) sum[i]! += product;
  }
  return sum;
}

const distanceIn = (gram: Float64Array, n: number, a: number, b: number): number =>
  Math.sqrt(Math.max(0, gram[a * n + a]! + gram[b * n + b]! - 2 * gram[a * n + b]!));

/** Numbers for pairs, [N, N], divided by the largest of two different experts. */
function scaled(n: number, of: (a: number, b: number) => number): Float64Array {
  const values = Float64Array.from({ length: n * n }, (_, i) => of(Math.floor(i / n), i % n));
  const most = values.reduce(
    (max, value, i) => (Math.floor(i / n) === i % n ? max : Math.max(max, value)),
    0,
  );
  return most > 0 ? values.map((value) => value / most) : values;
}

/** The member closest to the mean of its cluster: ||θ - mean||^2 is <θ, θ> - 2 <θ, mean> but for a constant. */
function closestToMean(cluster: readonly number[], gram: Float64Array, n: number): number {
  const distance = (e: number) =>
    gram[e * n + e]! - (2 * cluster.reduce((sum, other) => sum + gram[e * n + other]!, 0)) / cluster.length;
  return cluster.reduce((best, expert) => (distance(expert) < distance(best) ? expert : best));
}

function keepExperts({ index, ffn }: MoeBlock, kept: readonly number[]): LayerPlan[] {
  if (kept.length === ffn.pool.length) return [];
  const stays = new Set(kept);
  const experts = [...ffn.slots.keys()].filter((slot) => stays.has(ffn.slots[slot]!));
  return [{ layer: index, ops: [{ op: 'keep-experts', experts }] }];
}

function checkWidths({ index, ffn }: MoeBlock, where: string): void {
  if (new Set(ffn.pool.map(({ width }) => width)).size <= 1) return;
  throw new MoepressError('INPUT_INVALID', {
    message: `The experts of layer ${index} differ in width, and have no mean.`,
    where,
    hint: 'Drop experts first and make those that stay narrower afterwards.',
  });
}
