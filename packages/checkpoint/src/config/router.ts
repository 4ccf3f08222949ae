import type { Router, RouterGroups } from '@moepress/core';
import { z } from 'zod';
import type { RouterTraits } from '../architectures/manifest.js';
import { type ConfigReader, count } from './reader.js';

/** A router without its tensors. */
export type RouterConfig = Pick<Router, 'scoring' | 'groups' | 'topK' | 'normalise' | 'scale'>;

/** Throws `CONFIG_UNSUPPORTED` for a scoring or selection that the family does not have, or `CONFIG_INVALID`. */
export function readRouter(
  reader: ConfigReader,
  traits: RouterTraits,
  experts: number,
  topK: number,
): RouterConfig {
  if (reader.readOr('scoring_func', z.string(), traits.scoring) !== traits.scoring) {
    throw reader.unsupported('scoring_func', `"${traits.scoring}"`);
  }
  const scale = traits.scale
    ? reader.readOr(traits.scale.key, z.number().positive(), traits.scale.default)
    : 1;
  const rule = traits.normalise;
  const normalise = rule === 'always' || reader.readOr('norm_topk_prob', z.boolean(), rule.default);
  return {
    scoring: traits.scoring,
    groups: readGroups(reader, traits, experts, topK),
    topK,
    normalise,
    scale: normalise && rule !== 'always' && rule.unscaled ? 1 : scale,
  };
}

/** Null where every group may be chosen from. */
function readGroups(
  reader: ConfigReader,
  { methods }: RouterTraits,
  experts: number,
  topK: number,
): RouterGroups | null {
  const names = Object.keys(methods);
  const method = reader.readOr('topk_method', z.string(), names[0]!);
  const by = methods[method];
  if (by === undefined || !Object.hasOwn(methods, method)) {
    throw reader.unsupported('topk_method', names.map((name) => `"${name}"`).join(' or '));
  }
  if (by === null || experts === 0) return null;
  const groups = reader.read('n_group', count);
  const selected = reader.read('topk_group', count);
  if (experts % groups !== 0) {
    throw reader.invalid('n_group', `${experts} experts do not form as many equal groups`);
  }
  if (selected > groups) throw reader.invalid('topk_group', `there are only ${groups} groups`);
  if (selected === groups) return null;
  const size = experts / groups;
  if (by === 'top-2-sum' && size < 2) throw reader.invalid('n_group', 'its groups need two experts each');
  if (selected * size < topK) {
    throw reader.invalid('topk_group', `as many groups have ${selected * size} experts, too few for ${topK}`);
  }
  return { count: groups, selected, by };
}
