import { type Model, warnOfMissedRatio } from '@moepress/core';
import { removedShare } from './budget.js';
import type { CondensedLayer } from './condense.js';
import type { CdMoeOptions } from './options.js';
import type { Task } from './task.js';
import type { LayerWeights } from './weights.js';

/** MoE layers at the end that change the output most (arXiv:2412.00069, sensitivity figure), with the first one. */
const fragileEnd = 3;

/** The requested and the achieved compression. */
interface Outcome {
  readonly model: Model;
  readonly options: CdMoeOptions;
  readonly task: Task;
  readonly chosen: readonly CondensedLayer[];
  readonly weights: ReadonlyMap<number, LayerWeights>;
}

/** Warnings about the result for the user. */
export function warningsOf({ model, options, task, chosen, weights }: Outcome): string[] {
  return [
    warnOfRatio(model, task, options),
    warnOfShared(task),
    warnOfFragile(task, chosen),
    warnOfUnseen(chosen, weights),
  ].filter((warning) => warning !== undefined);
}

function warnOfRatio(
  model: Model,
  { blocks, kept, count }: Task,
  { ratio, ratioOf }: CdMoeOptions,
): string | undefined {
  return warnOfMissedRatio(
    ratio,
    count * removedShare(model, blocks, kept, ratioOf),
    ratioOf === 'routed' ? 'the parameters of the routed experts' : 'the bytes of the model',
    'only whole layers go',
  );
}

function warnOfShared({ blocks }: Task): string | undefined {
  if (blocks.every(({ ffn }) => ffn.shared !== null)) return undefined;
  return 'There are no shared experts. The method was made for models that have them; how good it is without is not known.';
}

function warnOfFragile({ blocks }: Task, chosen: readonly CondensedLayer[]): string | undefined {
  const fragile = new Set([blocks[0]!, ...blocks.slice(-fragileEnd)].map(({ index }) => index));
  const layers = chosen.map(({ layer }) => layer).filter((layer) => fragile.has(layer));
  if (layers.length === 0) return undefined;
  return `Condensed layers ${layers.toSorted((a, b) => a - b).join(', ')} are among the first and the last three with experts, where condensing changes the output most.`;
}

function warnOfUnseen(
  chosen: readonly CondensedLayer[],
  weights: ReadonlyMap<number, LayerWeights>,
): string | undefined {
  const unseen = chosen.flatMap(({ layer, experts }) =>
    experts.flatMap(({ expert }) => (weights.get(layer)?.unseen.has(expert) ? [`${layer}.${expert}`] : [])),
  );
  if (unseen.length === 0) return undefined;
  return `${unseen.length} kept experts were never selected by the router (layer.expert ${unseen.join(', ')}); they were weighed by 0.06. More or more varied calibration text would tell.`;
}
