import {
  type Expert,
  type Model,
  type MoeBlock,
  MoepressError,
  moeBlocks,
  requireMoeBlocks,
} from '@moepress/core';

/** A decoder layer and an index in its pool. */
export interface Place {
  readonly layer: number;
  readonly index: number;
}

/** An expert of a scope, at the first of its places. */
export interface Member extends Place {
  readonly expert: Expert;
  /** More than one where the layers of a model that was compressed before share the expert. */
  readonly places: readonly Place[];
}

/** Neighbouring MoE layers that share prototypes, and all their experts, by first place. */
export interface Scope {
  readonly layers: readonly number[];
  readonly members: readonly Member[];
  /** Experts the routers of the scope select, summed over its layers. */
  readonly selected: number;
}

/** Consecutive blocks of `size` MoE layers; the last one is smaller where they do not divide. */
export function scopesOf(model: Model, size: number): Scope[] {
  const blocks = moeBlocks(model);
  return Array.from({ length: Math.ceil(blocks.length / size) }, (_, scope) => {
    const own = blocks.slice(scope * size, (scope + 1) * size);
    return {
      layers: own.map(({ index }) => index),
      members: membersOf(own),
      selected: own.reduce((sum, { ffn }) => sum + ffn.router.topK, 0),
    };
  });
}

/** Experts that layers share come once: else each would be the other's perfect replacement. */
function membersOf(blocks: readonly MoeBlock[]): Member[] {
  const members = new Map<string, { expert: Expert; places: Place[] }>();
  for (const { index: layer, ffn } of blocks) {
    for (const [index, expert] of ffn.pool.entries()) {
      const origin = `${expert.origin.layer}.${expert.origin.index}`;
      const known = members.get(origin);
      if (known) known.places.push({ layer, index });
      else members.set(origin, { expert, places: [{ layer, index }] });
    }
  }
  return [...members.values()].map((member) => ({ ...member, ...member.places[0]! }));
}

/** Prototypes of a scope: K = max(1, round((1 - ratio) * experts)) (arXiv:2605.29350). */
export function budgetOf(scope: Scope, ratio: number): number {
  return Math.max(1, Math.round((1 - ratio) * scope.members.length));
}

/**
 * Throws `RATIO_TOO_HIGH` if a scope would have fewer prototypes a layer, on average, than its routers
 * select, and `INPUT_INVALID` if the model has no experts at all.
 */
export function checkBudgets(model: Model, ratio: number, size: number): void {
  requireMoeBlocks(model, 'share');
  for (const scope of scopesOf(model, size)) {
    const budget = budgetOf(scope, ratio);
    checkWidths(scope, budget, model);
    if (budget >= scope.selected) continue;
    throw new MoepressError('RATIO_TOO_HIGH', {
      message: `At ratio ${ratio} the ${scope.members.length} experts of ${nameLayers(scope.layers)} would share ${budget} prototypes, but the routers select ${scope.selected}.`,
      where: 'options.ratio',
    });
  }
}

/** Experts are compared number by number, for which their matrices must be of one shape. */
function checkWidths({ members, layers }: Scope, budget: number, model: Model): void {
  const widths = [...new Set(members.map(({ expert }) => expert.width))];
  if (widths.length === 1 || budget === members.length) return;
  throw new MoepressError('CONFIG_UNSUPPORTED', {
    message: `The experts of ${nameLayers(layers)} differ in their widths, from ${Math.min(...widths)} to ${Math.max(...widths)}, and only experts of one width can be compared.`,
    where: model.source.directory,
    hint: 'Compress the model that this one was made of, or drop experts whole with reap.',
  });
}

/** `layer 3` or `layers 4 to 7`. */
export function nameLayers(layers: readonly number[]): string {
  return layers.length === 1 ? `layer ${layers[0]}` : `layers ${layers[0]} to ${layers.at(-1)}`;
}
