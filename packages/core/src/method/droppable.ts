import { MoepressError } from '../errors/error.js';
import type { Model, MoeFfn } from '../model/model.js';
import { requireMoeBlocks } from '../model/walk.js';
import { leastSlots } from '../plan/operations/index.js';

/** What decides how many experts of a layer may go, and how many are to. */
export interface Dropping {
  readonly ratio?: number | undefined;
  readonly acrossGroups?: boolean | undefined;
  readonly budgetName: string;
  /** Whether every layer loses the same share. */
  readonly isUniform: boolean;
  /** Whether the budget says itself how much goes. */
  readonly setsSize: boolean;
}

/**
 * The sets of experts that are ranked against each other: the experts of a layer, or those of each group its router
 * selects within.
 */
export function runsOf(
  { slots, router }: MoeFfn,
  { acrossGroups }: Pick<Dropping, 'acrossGroups'>,
): (readonly number[])[] {
  const count = acrossGroups ? 1 : (router.groups?.count ?? 1);
  const size = slots.length / count;
  return Array.from({ length: count }, (_, run) => slots.slice(run * size, (run + 1) * size));
}

/** How many experts of each run a uniform budget lets go. */
export function shareOf(ffn: MoeFfn, own: Dropping): number {
  const [run] = runsOf(ffn, own) as [readonly number[]];
  return Math.floor(run.length * (own.ratio ?? 0));
}

/** How many experts of each run may go at most, so that the router can still select. */
export function mostSteps(ffn: MoeFfn, own: Dropping): number {
  const [run] = runsOf(ffn, own) as [readonly number[]];
  return run.length - leastSlots(own.acrossGroups ? { ...ffn.router, groups: null } : ffn.router);
}

/** Refuses, before anything is measured, what could not be applied; see `dropLowest`. */
export function checkDropping(model: Model, own: Dropping): void {
  checkSize(own);
  const blocks = requireMoeBlocks(model, 'drop');
  for (const { index, ffn } of blocks) {
    checkSlots(ffn, index, model);
    if (own.isUniform) checkRatio(ffn, index, own);
  }
  const count = (of: (ffn: MoeFfn, own: Dropping) => number) =>
    blocks.reduce((sum, { ffn }) => sum + of(ffn, own) * runsOf(ffn, own).length, 0);
  const [wanted, room] = [count(shareOf), count(mostSteps)];
  if (wanted <= room) return;
  throw new MoepressError('RATIO_TOO_HIGH', {
    message: `At ratio ${own.ratio} ${wanted} experts would go, and the routers of all layers leave room for ${room}.`,
    where: 'options.ratio',
  });
}

function checkSize({ ratio, setsSize, budgetName }: Dropping): void {
  if ((ratio === undefined) === setsSize) return;
  const problem = setsSize
    ? `The budget ${budgetName} says itself how much goes, and so does the ratio.`
    : 'Nothing says how many experts go.';
  const hint = setsSize ? 'Leave out the ratio.' : 'Give a ratio.';
  throw new MoepressError('OPTIONS_INVALID', { message: problem, where: 'options.ratio', hint });
}

/**
 * Dropping an expert removes all its slots, so layers would differ in their numbers of slots, which no checkpoint
 * format can express.
 */
function checkSlots({ slots, pool }: MoeFfn, layer: number, model: Model): void {
  if (slots.length === pool.length) return;
  throw new MoepressError('CONFIG_UNSUPPORTED', {
    message: `In layer ${layer} the ${slots.length} slots of the router share ${pool.length} experts. Dropping these would leave layers with different numbers of slots.`,
    where: model.source.directory,
    hint: 'Drop experts from the model this one was made of, or compress it further with conmoe.',
  });
}

function checkRatio(ffn: MoeFfn, layer: number, own: Dropping): void {
  const { ratio, acrossGroups } = own;
  const router = acrossGroups ? { ...ffn.router, groups: null } : ffn.router;
  const [run] = runsOf(ffn, own) as [readonly number[]];
  const [kept, least] = [run.length - shareOf(ffn, own), leastSlots(router)];
  if (kept >= least) return;
  const { groups, topK } = router;
  const demand = groups ? `needs ${least} in each of its ${groups.count} groups` : `selects ${topK}`;
  throw new MoepressError('RATIO_TOO_HIGH', {
    message: `At ratio ${ratio} layer ${layer} would keep ${kept} of ${run.length} experts${groups ? ' a group' : ''}, but its router ${demand}.`,
    where: 'options.ratio',
  });
}
