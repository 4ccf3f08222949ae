import { type Model, type MoeBlock, MoepressError, requireMoeBlocks } from '@moepress/core';
import { countLayers } from './budget.js';
import type { CdMoeOptions, Selection } from './options.js';

/** The task that the options set: how much to remove, and which choices are given already. */
export interface Task {
  readonly blocks: readonly MoeBlock[];
  /** Routed experts that a condensed layer keeps. */
  readonly kept: number;
  /** The number of layers to condense. */
  readonly count: number;
  /** Their decoder layers, first to last choice; null: to be searched for. */
  readonly layers: readonly number[] | null;
  /** Decoder layer to the slots of its experts, first to last choice, where they are known. */
  readonly experts: ReadonlyMap<number, readonly number[]>;
  /** Decoder layer to the weights of its slots, NaN for those without; null: to be measured. */
  readonly weights: ReadonlyMap<number, Float64Array> | null;
}

/** Routed experts kept in a model with shared experts (arXiv:2412.00069). */
const defaultExperts = 6;

/**
 * Throws `INPUT_INVALID` for a model without experts, `RATIO_TOO_HIGH` if condensing all its layers would not do,
 * `OPTIONS_INVALID` for layers and experts it does not have, or fewer than are needed.
 */
export function taskOf(model: Model, options: CdMoeOptions): Task {
  const blocks = requireMoeBlocks(model, 'condense');
  const kept = keptExperts(blocks, options.experts);
  const { layers, experts, weights } = knownChoices(blocks, options.selection);
  const known = options.layers ? checkLayers(blocks, options.layers) : layers;
  const count = countLayers(model, blocks, kept, options) ?? known!.length;
  if (known && known.length < count) {
    throw invalid(`It orders ${known.length} layers, and ${count} are to be condensed`, 'selection');
  }
  for (const [layer, slots] of experts) {
    if (slots.length >= kept) continue;
    throw invalid(
      `It has ${slots.length} experts for decoder layer ${layer}, and ${kept} are kept`,
      'selection',
    );
  }
  const needed = known?.slice(0, count) ?? null;
  return { blocks, kept, count, layers: needed, experts: firstOf(experts, kept), weights };
}

function keptExperts(blocks: readonly MoeBlock[], given: number | undefined): number {
  const shared = blocks.every(({ ffn }) => ffn.shared !== null);
  const fewest = Math.min(...blocks.map(({ ffn }) => ffn.pool.length));
  const usual = shared ? defaultExperts : Math.max(...blocks.map(({ ffn }) => ffn.router.topK));
  const kept = given ?? Math.min(usual, fewest);
  if (kept > fewest) throw invalid(`A layer has ${fewest} experts, so ${kept} cannot be kept`, 'experts');
  if (kept > 0 || shared) return kept;
  throw invalid('There are no shared experts, so at least one routed expert must be kept', 'experts');
}

function checkLayers(blocks: readonly MoeBlock[], layers: readonly number[]): readonly number[] {
  const known = new Set(blocks.map(({ index }) => index));
  const wrong = layers.find((layer) => !known.has(layer));
  if (wrong !== undefined) throw invalid(`Decoder layer ${wrong} has no experts`, 'layers');
  if (new Set(layers).size < layers.length) throw invalid('A layer is listed twice', 'layers');
  return layers;
}

/** A selection's MoE layers as decoder layers. */
function knownChoices(
  blocks: readonly MoeBlock[],
  { layers, experts = {}, weights }: Partial<Selection> = {},
): Pick<Task, 'layers' | 'experts' | 'weights'> {
  const blockOf = (moeLayer: number): MoeBlock => {
    const block = blocks[moeLayer];
    if (block) return block;
    throw invalid(`There is no MoE layer ${moeLayer}; the model has ${blocks.length}`, 'selection');
  };
  const slotsOf = (moeLayer: string, slots: readonly number[]): [number, readonly number[]] => {
    const { index, ffn } = blockOf(Number(moeLayer));
    const wrong = slots.find((slot) => slot >= ffn.slots.length);
    if (wrong !== undefined) throw invalid(`MoE layer ${moeLayer} has no expert ${wrong}`, 'selection');
    if (new Set(slots).size < slots.length)
      throw invalid(`MoE layer ${moeLayer} lists an expert twice`, 'selection');
    return [index, slots];
  };
  return {
    layers: layers
      ? checkLayers(
          blocks,
          layers.map((moeLayer) => blockOf(moeLayer).index),
        )
      : null,
    experts: new Map(Object.entries(experts).map(([moeLayer, slots]) => slotsOf(moeLayer, slots))),
    weights: weights ? weightsOf(blocks, weights) : null,
  };
}

function weightsOf(
  blocks: readonly MoeBlock[],
  given: NonNullable<Selection['weights']>,
): ReadonlyMap<number, Float64Array> {
  return new Map(
    blocks.map(({ index, ffn }, moeLayer) => {
      const own = ffn.slots.map((_, slot) => given[`${moeLayer}-${slot}`] ?? Number.NaN);
      return [index, Float64Array.from(own, (weight) => (typeof weight === 'number' ? weight : weight[2]))];
    }),
  );
}

const firstOf = (experts: ReadonlyMap<number, readonly number[]>, kept: number) =>
  new Map([...experts].map(([layer, slots]) => [layer, slots.slice(0, kept)]));

function invalid(problem: string, option: string): MoepressError {
  return new MoepressError('OPTIONS_INVALID', {
    message: `${problem}.`,
    where: `options.${option}`,
  });
}
