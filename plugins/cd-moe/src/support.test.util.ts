import {
  applyPlan,
  type CompressionPlan,
  createRng,
  type Evidence,
  type LayerPlan,
  type LayerReplay,
  type MethodTools,
  type Model,
  parseOptions,
  type WeightedExpert,
} from '@moepress/core';
import { noTools, toyPlan } from '@moepress/core/testing';
import { cdMoe } from './compressor.js';

/** The distance with these experts or layers chosen, in any order. */
export type SetDistance = (chosen: readonly number[]) => number;

/** A layer with the given distances, which records what was tried. */
export class FakeReplay implements LayerReplay {
  readonly layer: number;
  readonly added: WeightedExpert[] = [];
  readonly tried: number[] = [];
  readonly #distance: SetDistance;

  constructor(layer: number, distance: SetDistance) {
    this.layer = layer;
    this.#distance = distance;
  }

  async tryExperts(candidates: readonly WeightedExpert[]): Promise<Float64Array> {
    this.tried.push(candidates.length);
    const own = this.added.map(({ expert }) => expert);
    return Float64Array.from(candidates, ({ expert }) => this.#distance([...own, expert]));
  }

  async add(expert: WeightedExpert): Promise<void> {
    this.added.push(expert);
  }
}

export interface FakeDistances {
  /** Distance of a layer with these experts. */
  readonly experts?: (layer: number, chosen: readonly number[]) => number;
  /** Distance of the model with these layers condensed. */
  readonly layers?: SetDistance;
}

/** Tools with the given distances; others must not be asked for. */
function fakeTools({ experts, layers }: FakeDistances): MethodTools {
  return {
    ...noTools,
    ...(experts && {
      replayLayers: async (request, visit) => {
        for (const layer of request.layers) await visit(new FakeReplay(layer, (set) => experts(layer, set)));
      },
    }),
    ...(layers && {
      compareViews: async ({ views }) => ({
        distances: Float64Array.from(views, (view) => layers(view.map(({ layer }) => layer))),
        blockRuns: views.length,
      }),
    }),
  };
}

/** The decision of the method for a model, as a plan and as the resulting view. */
export async function condense(
  model: Model,
  given: object,
  { evidence = null, ...distances }: FakeDistances & { evidence?: Evidence | null } = {},
): Promise<{ plan: CompressionPlan; view: Model }> {
  const options = parseOptions(cdMoe, given);
  const tools = fakeTools(distances);
  const decision = await cdMoe.plan({ model, evidence, options, rng: createRng(0), tools });
  const plan = {
    ...toyPlan(model, decision.layers),
    warnings: [...(decision.warnings ?? [])],
    details: decision.details as CompressionPlan['details'],
  };
  return { plan, view: applyPlan(model, plan) };
}

/** The experts of each condensed layer with their scales. */
export const partsOf = (layers: readonly LayerPlan[]): Record<number, [number, number][]> =>
  Object.fromEntries(
    layers.map(({ layer, ops: [op] }) => {
      if (op?.op !== 'condense') throw new Error(`Layer ${layer} is not condensed.`);
      return [layer, op.parts.map(({ experts, scale }): [number, number] => [experts[0]!, scale])];
    }),
  );
