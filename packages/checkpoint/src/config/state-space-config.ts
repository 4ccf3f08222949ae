import type { PlainActivation, StateSpace } from '@moepress/core';
import { z } from 'zod';
import type { Quantity } from '../architectures/keys.js';
import type { StateSpaceTraits } from '../architectures/manifest.js';
import { readPlainActivation } from './activations.js';
import { count, type KeyReader } from './reader.js';

/** A state space layer without its tensors. */
export interface StateSpaceConfig
  extends Pick<StateSpace, 'kind' | 'heads' | 'headDim' | 'groups' | 'stateDim'> {
  /** Tokens that the convolution sees, the newest included. */
  readonly window: number;
  readonly convolutionBias: boolean;
  readonly projectionBias: boolean;
  readonly activation: PlainActivation;
  readonly least: number;
  readonly most: number | null;
  readonly normGroups: number;
}

/** Throws `CONFIG_INVALID`, and `CONFIG_UNSUPPORTED` for an activation that is not implemented. */
export function readStateSpace(reader: KeyReader<Quantity>, { norm }: StateSpaceTraits): StateSpaceConfig {
  const heads = reader.read('spaceHeads', count);
  const groups = reader.read('spaceGroups', count);
  if (heads % groups !== 0) throw reader.invalid('spaceGroups', `it must divide the ${heads} heads`);
  return {
    kind: 'state-space',
    ...{ heads, groups },
    headDim: readHeadDim(reader, heads),
    stateDim: reader.read('spaceStateDim', count),
    window: reader.read('convolutionWindow', count),
    convolutionBias: reader.read('convolutionBias', z.boolean()),
    projectionBias: reader.read('spaceProjectionBias', z.boolean()),
    activation: readPlainActivation(reader, 'spaceActivation'),
    ...readStepLimit(reader),
    normGroups: norm === 'groups' ? groups : 1,
  };
}

function readHeadDim(reader: KeyReader<Quantity>, heads: number): number {
  const told = reader.read('spaceHeadDim', z.union([count, z.literal('auto')]));
  if (!reader.reads('spaceExpansion')) {
    if (told === 'auto') throw reader.invalid('spaceHeadDim', 'nothing tells the width of all heads');
    return told;
  }
  const width = Math.trunc(
    reader.read('spaceExpansion', z.number().positive()) * reader.read('hiddenSize', count),
  );
  if (width % heads !== 0) throw reader.invalid('spaceHeads', `they must divide their width of ${width}`);
  if (told !== 'auto' && told * heads !== width) {
    throw reader.invalid('spaceHeadDim', `${heads} heads make ${told * heads} and not ${width} dimensions`);
  }
  return width / heads;
}

/** Python writes a limit that there is not as `Infinity`, transformers 5 as an object that says so. */
const bound = z.union([
  z.number(),
  z.literal(Number.POSITIVE_INFINITY),
  z.strictObject({ __float__: z.literal('Infinity') }).transform(() => Number.POSITIVE_INFINITY),
]);

const limit = z.tuple([z.number(), bound]);

/** Nemotron-H: transformers has a least step and no largest one. */
function readLeastStep(reader: KeyReader<Quantity>): { least: number; most: null } {
  const least = reader.read('leastStep', z.number().nonnegative());
  const told = reader.has('stepLimit') ? limit.safeParse(reader.value('stepLimit')).data : undefined;
  if (told && (told[0] !== least || told[1] !== Number.POSITIVE_INFINITY)) {
    reader.warn(
      'stepLimit',
      `It is ignored: the least step is ${least}, that of "${reader.nameOf('leastStep')}", as in transformers. The published code keeps steps within the limit.`,
    );
  }
  return { least, most: null };
}

function readStepLimit(reader: KeyReader<Quantity>): { least: number; most: number | null } {
  if (reader.reads('leastStep')) return readLeastStep(reader);
  const [least, most] = reader.read('stepLimit', limit);
  if (least > most) throw reader.invalid('stepLimit', 'the first is the lower one');
  // A step is the logarithm of more than one.
  return { least: Math.max(0, least), most: most === Number.POSITIVE_INFINITY ? null : most };
}
