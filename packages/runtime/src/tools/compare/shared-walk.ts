import { applyLayers, type Block, type LayerPlan, type Model } from '@moepress/core';

/** One form of a block and the states it takes further, by their numbers before and after it. */
export interface Branch {
  readonly block: Block;
  readonly moves: readonly { readonly from: number; readonly to: number }[];
}

/** How views of one model go up together: states that do not differ yet are one. State 0 is the unchanged model's. */
export interface SharedWalk {
  /** The steps of each layer. */
  readonly layers: readonly (readonly Branch[])[];
  /** Number of states before each layer, and after the last one. */
  readonly counts: readonly number[];
  /** The state that each view ends in. */
  readonly states: readonly number[];
}

/** Throws what `applyLayers` throws. */
export function sharedWalk(model: Model, views: readonly (readonly LayerPlan[])[]): SharedWalk {
  const models = views.map((view) => applyLayers(model, view));
  const changes = views.map((view) => new Map(view.map(({ layer, ops }) => [layer, JSON.stringify(ops)])));
  const layers: Branch[][] = [];
  const counts = [1];
  let states = views.map(() => 0);
  for (const { index } of model.blocks) {
    const forms = new Map([['', { block: model.blocks[index]!, moves: [{ from: 0, to: 0 }] }]]);
    const numbers = new Map([['0 ', 0]]);
    states = states.map((from, v) => {
      const change = changes[v]!.get(index) ?? '';
      const known = numbers.get(`${from} ${change}`);
      if (known !== undefined) return known;
      const to = numbers.size;
      numbers.set(`${from} ${change}`, to);
      const form = forms.get(change) ?? { block: models[v]!.blocks[index]!, moves: [] };
      form.moves.push({ from, to });
      forms.set(change, form);
      return to;
    });
    layers.push([...forms.values()]);
    counts.push(numbers.size);
  }
  return { layers, counts, states };
}

/** The number of times that a block runs over all tokens. */
export const blockRunsOf = ({ counts }: SharedWalk): number =>
  counts.slice(1).reduce((sum, count) => sum + count, 0);

/** The most states that exist at once: those before a layer and those after it. */
export const mostStates = ({ counts }: SharedWalk): number =>
  counts.slice(1).reduce((most, count, layer) => Math.max(most, counts[layer]! + count), 0);
