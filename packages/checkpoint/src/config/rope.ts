import { type QueryScaling, type Rope, type RopeScaling, shown } from '@moepress/core';
import { z } from 'zod';
import type { Quantity } from '../architectures/keys.js';
import type { GroupedQueryTraits, RotationRule } from '../architectures/manifest.js';
import {
  commonRotation,
  type RotationQuantity,
  type RotationType,
  rotations,
} from '../architectures/rotation.js';
import { count, isFalse, jsonObject, KeyReader, positive } from './reader.js';

export interface RopeConfig {
  readonly theta: number;
  readonly scaling: RopeScaling | null;
}

type Parameters = KeyReader<RotationQuantity>;

/**
 * The rotation, from the classic form (`rope_theta` beside `rope_scaling`) or that of transformers 5
 * (`rope_parameters` with `rope_type` and `rope_theta`). As in transformers, the classic form prevails as a whole,
 * and a theta that the form lacks is that at the top of config.json, else the family's. `dim` is what is rotated of a
 * head; `alphaBase` and `toldMscales`: see `GroupedQueryTraits`.
 * Throws `CONFIG_UNSUPPORTED` for rotations that differ between layers and unknown types; `CONFIG_INVALID` for values that
 * make no sense.
 */
export function readRope(
  reader: KeyReader<Quantity>,
  dim: number,
  { alphaBase, toldMscales }: Pick<GroupedQueryTraits, 'alphaBase' | 'toldMscales'> = {},
): RopeConfig {
  const { type, parameters, form } = readParameters(reader);
  const theta = thetaOf(reader, parameters);
  warnOfLostTheta(reader, form, theta, parameters);
  if (alphaBase && type === 'dynamic') {
    const alpha = parameters.read('alpha', positive.nullable());
    // Nothing but the base changes then, however long a sequence is.
    if (alpha !== null) return { theta: theta * alpha ** (dim / (dim - 2)), scaling: null };
  }
  const scaling = readScaling(type, parameters, reader, dim);
  return { theta, scaling: toldMscales ? withMscales(scaling, parameters, reader, form) : scaling };
}

/**
 * Phi-3.5-MoE's code multiplies cosine and sine by constants of config.json, one for short and one for long sequences.
 * Transformers never takes the long factors beside the long constant, which is no rotation anybody trained.
 */
function withMscales(
  scaling: RopeScaling | null,
  parameters: Parameters,
  reader: KeyReader<Quantity>,
  form: Quantity,
): RopeScaling | null {
  if (scaling === null) return null;
  if (scaling.kind !== 'longrope') throw reader.unsupported(form, 'a rotation of type default or longrope');
  reader.warn(
    form,
    `Sequences of more than ${scaling.originalPositions} tokens turn by long_factor, as in Microsoft's own code. Transformers keeps short_factor there.`,
  );
  return {
    ...scaling,
    attentionFactor: parameters.read('shortMscale', z.number()),
    longAttentionFactor: parameters.read('longMscale', z.number()),
  };
}

/** The base of the rotation alone. Throws `CONFIG_INVALID` or `CONFIG_UNSUPPORTED`. */
export function readTheta(reader: KeyReader<Quantity>): number {
  return thetaOf(reader, readParameters(reader).parameters);
}

const thetaOf = (reader: KeyReader<Quantity>, parameters: Parameters): number =>
  parameters.has('theta') ? parameters.read('theta', positive) : reader.read('ropeTheta', positive);

export function ropeOf({ theta, scaling }: RopeConfig, dim: number, pairing: Rope['pairing']): Rope {
  return { theta, dim, pairing, scaling };
}

/**
 * What latent attention multiplies its softmax scale by: the square of the `mscale` of `mscale_all_dim`, whatever the
 * type of rotation but for a plain one (DeepSeek-V2's code and transformers). Throws `CONFIG_INVALID`.
 */
export function readLatentScale(reader: KeyReader<Quantity>): number {
  const { type, parameters } = readParameters(reader);
  if (type === 'default') return 1;
  const all = parameters.read('mscaleAllDim', weight);
  // Looked at first there, so that it must be told.
  if (!parameters.has('factor')) throw parameters.invalid('factor', 'latent attention needs it');
  return all ? mscale(parameters.read('factor', positive), all) ** 2 : 1;
}

interface Rotation {
  /** Where it stands. */
  readonly form: 'ropeScaling' | 'ropeParameters';
  readonly type: RotationType;
  readonly parameters: Parameters;
}

function readParameters(reader: KeyReader<Quantity>): Rotation {
  const form = reader.value('ropeScaling') === null ? 'ropeParameters' : 'ropeScaling';
  const raw = reader.read(form, jsonObject.nullable()) ?? {};
  if (Object.keys(raw).some((name) => name.endsWith('_attention'))) {
    throw reader.unsupported(form, 'one rotation for all layers, not under the names of their types,');
  }
  const where = reader.where(form);
  const common: Parameters = new KeyReader<RotationQuantity>(raw, commonRotation, where);
  const name = common.read('type', z.string());
  if (!isType(name))
    throw reader.unsupported(form, `a rotation of type ${Object.keys(rotations).join(', ')}`);
  const table = { ...commonRotation, ...rotations[name] };
  return { form, type: name, parameters: new KeyReader<RotationQuantity>(raw, table, where) };
}

const isType = (name: string): name is RotationType => Object.hasOwn(rotations, name);

/** The theta of a config that transformers 5 saved goes where a `rope_scaling` is added to it. */
function warnOfLostTheta(
  reader: KeyReader<Quantity>,
  form: Quantity,
  theta: number,
  parameters: Parameters,
): void {
  const unread = form === 'ropeScaling' ? reader.value('ropeParameters') : null;
  if (parameters.has('theta') || reader.has('ropeTheta') || isFalse(unread)) return;
  const lost = (unread as Record<string, unknown>).rope_theta;
  if (lost === undefined || lost === theta) return;
  reader.warn(
    'ropeScaling',
    `It is taken in the place of rope_parameters, whose rope_theta ${shown(lost)} is lost: the rotation has ${theta}, as in transformers. To keep it, put "rope_theta" into "rope_scaling".`,
  );
}

/**
 * How many dimensions of a head are rotated, an even number. Of the part that a config asks for: in families of the rule
 * `part` it is rotated, as `int(head_dim * partial_rotary_factor)` in transformers; of the rule `undivided` it is refused;
 * in the others it changes something only where a rotation is stretched, and there transformers cannot run it. Throws
 * `CONFIG_UNSUPPORTED` or `CONFIG_INVALID`.
 */
export function readRotatedDim(reader: KeyReader<Quantity>, dim: number, rule: RotationRule): number {
  const { form, type, parameters } = readParameters(reader);
  const part = partOf(reader, parameters, dim);
  if (part === 1 || type === 'proportional') return dim;
  if (rule === 'part') {
    const rotated = Math.trunc(dim * part);
    if (rotated > 0 && rotated <= dim && rotated % 2 === 0) return rotated;
    throw reader.invalid(
      'partialRotary',
      `${rotated} of the ${dim} dimensions of a head cannot be rotated in pairs`,
    );
  }
  if (rule === 'undivided' || type !== 'default') {
    const at = rule === 'undivided' && reader.has('partialRotary') ? 'partialRotary' : form;
    throw reader.unsupported(at, 'a partial_rotary_factor of 1');
  }
  reader.warn('partialRotary', `${part} is ignored: the whole head is rotated, as in transformers.`);
  return dim;
}

/**
 * Refuses a rotation of another share of a head than the `rotated` of its `headDim` dimensions, and types that do not tell
 * of the positions of pretraining: neither can be run in transformers. Throws `CONFIG_INVALID` or `CONFIG_UNSUPPORTED`.
 */
export function checkRotatedShare(reader: KeyReader<Quantity>, rotated: number, headDim: number): void {
  const { form, type, parameters } = readParameters(reader);
  if (type !== 'yarn' && type !== 'llama3' && type !== 'longrope') {
    throw reader.unsupported(form, 'a rotation of type yarn, llama3 or longrope');
  }
  const given = parameters.has('partialRotary') ? parameters.read('partialRotary', z.number()) : null;
  if (given === null || Math.trunc(headDim * given) === rotated) return;
  throw parameters.invalid('partialRotary', `${rotated} of the ${headDim} dimensions of a head are rotated`);
}

/** How queries grow with their position (`get_llama_4_attn_scale` in transformers). Throws `CONFIG_INVALID`. */
export function readQueryScaling(reader: KeyReader<Quantity>): QueryScaling {
  const { parameters } = readParameters(reader);
  const beta = parameters.read('queryBeta', z.number());
  return { beta, every: originalOf(parameters, reader, reader.read('maxPositions', count)), offset: 0 };
}

/** MiniMax-M2 gives the dimensions, from which transformers makes the factor where that is absent. */
function partOf(reader: KeyReader<Quantity>, parameters: Parameters, dim: number): number {
  if (parameters.has('partialRotary')) return parameters.read('partialRotary', z.number());
  if (!reader.has('partialRotary') && reader.reads('partialDim')) {
    const rotated = reader.read('partialDim', z.number().nullable());
    if (rotated !== null) return rotated / dim;
  }
  return reader.read('partialRotary', z.number().nullable()) ?? 1;
}

function readScaling(
  type: RotationType,
  parameters: Parameters,
  reader: KeyReader<Quantity>,
  dim: number,
): RopeScaling | null {
  const positions = reader.read('maxPositions', count);
  switch (type) {
    case 'default':
      return null;
    case 'linear':
      return { kind: 'linear', factor: parameters.read('factor', positive) };
    case 'dynamic':
      return {
        kind: 'dynamic',
        factor: parameters.read('factor', positive),
        originalPositions: positions,
      };
    case 'proportional': {
      const pairs = Math.floor((partOf(reader, parameters, dim) * dim) / 2);
      if (pairs < 0 || pairs > dim / 2) throw reader.invalid('partialRotary', 'it must be between 0 and 1');
      return { kind: 'proportional', factor: parameters.read('factor', positive), pairs };
    }
    case 'yarn':
      return readYarn(parameters, positions, originalOf(parameters, reader, positions));
    case 'longrope':
      return readLongRope(parameters, positions, originalOf(parameters, reader, positions), dim);
    case 'llama3':
      return {
        kind: 'llama3',
        factor: parameters.read('factor', positive),
        originalPositions: originalOf(parameters, reader, positions),
        lowFrequencyFactor: parameters.read('lowFrequencyFactor', positive),
        highFrequencyFactor: parameters.read('highFrequencyFactor', positive),
      };
  }
}

/** A few families keep it beside the parameters, and there it prevails. */
function originalOf(parameters: Parameters, reader: KeyReader<Quantity>, positions: number): number {
  if (reader.has('originalPositions')) return reader.read('originalPositions', count);
  return parameters.has('originalPositions') ? parameters.read('originalPositions', count) : positions;
}

const weight = z.number().nonnegative();

/** 0.1 m ln(factor) + 1 */
const mscale = (factor: number, by: number) => (factor <= 1 ? 1 : 0.1 * by * Math.log(factor) + 1);

/**
 * YaRN (arXiv 2309.00071), with the attention factor of transformers: 0.1 ln(factor) + 1, or DeepSeek's
 * quotient of the same with `mscale` and `mscale_all_dim` before the logarithm.
 */
function readYarn(parameters: Parameters, positions: number, originalPositions: number): RopeScaling {
  const factor = parameters.read('factor', positive.nullable()) ?? positions / originalPositions;
  const rotated = parameters.read('mscale', weight);
  const all = parameters.read('mscaleAllDim', weight);
  const inferred = rotated && all ? mscale(factor, rotated) / mscale(factor, all) : mscale(factor, 1);
  return {
    kind: 'yarn',
    factor,
    originalPositions,
    betaFast: parameters.read('betaFast', positive),
    betaSlow: parameters.read('betaSlow', positive),
    truncate: parameters.read('truncate', truth),
    attentionFactor: parameters.read('attentionFactor', weight.nullable()) ?? inferred,
  };
}

/** A text in the place of a truth is more likely a mistake than meant as Python takes it. */
const truth = z.union([z.boolean(), z.number().transform((number) => number !== 0)]);

/** LongRoPE (arXiv 2402.13753): each pair has a factor for short sequences and one for long ones. */
function readLongRope(
  parameters: Parameters,
  positions: number,
  originalPositions: number,
  dim: number,
): RopeScaling {
  const factors = z.array(positive).length(dim / 2);
  const factor = parameters.read('factor', positive.nullable()) ?? positions / originalPositions;
  const inferred = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(originalPositions));
  return {
    kind: 'longrope',
    shortFactors: parameters.read('shortFactor', factors),
    longFactors: parameters.read('longFactor', factors),
    originalPositions,
    attentionFactor: parameters.read('attentionFactor', weight.nullable()) ?? inferred,
  };
}
