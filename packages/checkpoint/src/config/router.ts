import type { Router, RouterGroups } from '@moepress/core';
import { z } from 'zod';
import type { Quantity } from '../architectures/keys.js';
import type { RouterTraits } from '../architectures/manifest.js';
import { count, type KeyReader } from './reader.js';

/** A router without its tensors. */
export interface RouterConfig
  extends Pick<
    Router,
    | 'scoring'
    | 'groups'
    | 'topK'
    | 'normalise'
    | 'mixerThreshold'
    | 'weighs'
    | 'leastSum'
    | 'addedToSum'
    | 'scale'
  > {
  /** Whether scores have a bias for the selection. */
  readonly selectionBias: boolean;
}

const scorings = z.enum(['softmax', 'sigmoid']);

/** Throws `CONFIG_UNSUPPORTED` for a scoring or selection that the family does not have, or `CONFIG_INVALID`. */
export function readRouter(
  reader: KeyReader<Quantity>,
  traits: RouterTraits,
  experts: number,
  topK: number,
): RouterConfig {
  const scoring = traits.scoring === 'by-config' ? reader.read('scoring', scorings) : traits.scoring;
  if (reader.reads('scoring') && reader.read('scoring', z.string()) !== scoring) {
    throw reader.unsupported('scoring', `"${scoring}" (transformers does not look at it)`);
  }
  const groups = readGroups(reader, traits, experts, topK);
  return {
    scoring,
    ...(traits.weighs && { weighs: traits.weighs }),
    ...(traits.mixer && { mixerThreshold: readMixer(reader, topK) }),
    groups,
    // All experts outside the best groups have weight zero, so more cannot be chosen.
    topK: groups ? Math.min(topK, (experts / groups.count) * groups.selected) : topK,
    // A softmax over the chosen logits is one over all, divided by the sum of the chosen.
    normalise:
      (traits.scoring === 'by-config' && scoring === 'softmax') ||
      readNormalise(reader, traits.normalise, topK),
    ...(reader.reads('leastSum') && { leastSum: reader.read('leastSum', z.number().positive()) }),
    ...(traits.addedToSum !== undefined && { addedToSum: traits.addedToSum }),
    selectionBias: reader.reads('usesSelectionBias')
      ? reader.read('usesSelectionBias', z.boolean())
      : traits.selectionBias,
    scale: reader.reads('scale') ? reader.read('scale', z.number()) : 1,
  };
}

/** Whatever config.json says, the mixer chooses two. Throws `CONFIG_UNSUPPORTED` for another number. */
function readMixer(reader: KeyReader<Quantity>, topK: number): number {
  if (topK > 0 && topK !== 2) throw reader.unsupported('topK', '2 (transformers does not look at it)');
  return 2 * reader.read('mixerNoise', z.number().nonnegative());
}

function readNormalise(reader: KeyReader<Quantity>, rule: RouterTraits['normalise'], topK: number): boolean {
  if (rule === 'always') return true;
  if (rule === 'never' && !reader.reads('normalises')) return false;
  const told = reader.read('normalises', z.boolean());
  if (rule !== 'never') return told && (rule === 'by-config' || topK > 1);
  if (told && topK > 1) {
    reader.warn(
      'normalises',
      "It is ignored: the weights are scaled and not normalised, as in transformers. DeepSeek's own code normalises them and does not scale.",
    );
  }
  return false;
}

/** Null where every group may be chosen from. */
function readGroups(
  reader: KeyReader<Quantity>,
  { methods, beyondGroups }: RouterTraits,
  experts: number,
  topK: number,
): RouterGroups | null {
  const method = reader.reads('selection') ? reader.read('selection', z.string()) : Object.keys(methods)[0]!;
  const by = methods[method];
  if (by === undefined || !Object.hasOwn(methods, method)) {
    const names = Object.keys(methods).map((name) => `"${name}"`);
    throw reader.unsupported('selection', names.join(' or '));
  }
  if (by === null || experts === 0 || !reader.reads('groups')) return null;
  const groups = reader.read('groups', count);
  const selected = reader.read('selectedGroups', count);
  if (experts % groups !== 0) {
    throw reader.invalid('groups', `${experts} experts do not form as many equal groups`);
  }
  if (selected > groups) throw reader.invalid('selectedGroups', `there are only ${groups} groups`);
  const size = experts / groups;
  if (by === 'top-2-sum' && size < 2) throw reader.invalid('groups', 'its groups need two experts each');
  if (selected === groups) return null;
  if (selected * size < topK && beyondGroups === 'unknown') {
    throw reader.invalid(
      'selectedGroups',
      `as many groups have ${selected * size} experts, too few for ${topK}`,
    );
  }
  return { count: groups, selected, by };
}
