import type { LayerPlan, LayerReplay, ViewDistances, WeightedExpert } from '@moepress/core';

export interface ChosenExpert extends WeightedExpert {
  /** Distance of the layer's output from the original's with this expert and those before it; null if it was not searched for. */
  readonly distance: number | null;
}

/**
 * Chooses experts one after the other: each time the one that brings the layer's output nearest to the
 * original's, of equals the first (arXiv:2412.00069, step B). Any beginning of the order is a smaller choice.
 */
export async function searchExperts(
  layer: LayerReplay,
  candidates: readonly WeightedExpert[],
  count: number,
): Promise<ChosenExpert[]> {
  const chosen: ChosenExpert[] = [];
  let rest = [...candidates];
  while (chosen.length < count) {
    const distances = await layer.tryExperts(rest);
    const best = distances.reduce((least, distance, i) => (distance < distances[least]! ? i : least), 0);
    const expert = rest[best]!;
    await layer.add(expert);
    chosen.push({ ...expert, distance: distances[best]! });
    rest = rest.toSpliced(best, 1);
  }
  return chosen;
}

/** Layers in the order they were chosen in. */
export interface LayerChoice {
  readonly layers: readonly number[];
  /** Distance of the final hidden states from the original's, after each choice. */
  readonly distances: readonly number[];
}

export interface LayerSearch extends LayerChoice {
  /** Runs of a block over the calibration tokens, and how many they would be with each view by itself. */
  readonly blockRuns: { readonly shared: number; readonly separate: number };
}

/**
 * Chooses layers one after the other: each time the one with which the model's final hidden states stay nearest
 * to the original's (arXiv:2412.00069, step C); the `beam` best sets are followed up.
 */
export async function searchLayers(
  plans: ReadonlyMap<number, LayerPlan>,
  options: { readonly count: number; readonly beam: number; readonly blocks: number },
  compare: (views: readonly (readonly LayerPlan[])[]) => Promise<ViewDistances>,
): Promise<LayerSearch> {
  let beams: LayerChoice[] = [{ layers: [], distances: [] }];
  const blockRuns = { shared: 0, separate: 0 };
  for (let size = 0; size < options.count; size++) {
    const sets = extensionsOf(beams, [...plans.keys()]);
    const result = await compare(sets.map(({ layers }) => layers.map((layer) => plans.get(layer)!)));
    blockRuns.shared += result.blockRuns;
    blockRuns.separate += (sets.length + 1) * options.blocks;
    beams = sets
      .map(({ layers, distances }, i) => ({ layers, distances: [...distances, result.distances[i]!] }))
      .sort((a, b) => a.distances.at(-1)! - b.distances.at(-1)!)
      .slice(0, options.beam);
  }
  return { ...beams[0]!, blockRuns };
}

/** Every set with one layer more, each once however it came about. */
function extensionsOf(beams: readonly LayerChoice[], candidates: readonly number[]): LayerChoice[] {
  const sets = new Map<string, LayerChoice>();
  for (const { layers, distances } of beams) {
    for (const layer of candidates) {
      if (layers.includes(layer)) continue;
      const extended = [...layers, layer];
      const key = extended.toSorted((a, b) => a - b).join();
      if (!sets.has(key)) sets.set(key, { layers: extended, distances });
    }
  }
  return [...sets.values()];
}
