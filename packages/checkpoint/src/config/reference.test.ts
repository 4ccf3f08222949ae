import { readFileSync } from 'node:fs';
import { MoepressError } from '@moepress/core';
import { describe, expect, it } from 'vitest';
import { architectures, findArchitecture } from '../architectures/index.js';
import { fixture } from '../support.test.util.js';
import { type FamilyConfig, readFamilyConfig } from './family.js';

/**
 * Written by scripts/config_reference.py: configurations drawn at random, and what transformers 5.18 computes with
 * them.
 */
interface Case {
  readonly config: Readonly<Record<string, unknown>> & { readonly model_type: string };
  /** Null where transformers cannot. */
  readonly expected: Readonly<Record<string, unknown>> | null;
}

const cases: Case[] = JSON.parse(readFileSync(fixture('configs.json'), 'utf8'));

const classes: Readonly<Record<string, string>> = {
  'geglu none': 'GELUActivation',
  'geglu tanh': 'GELUTanh',
  'geglu sigmoid': 'QuickGELUActivation',
  'reglu 1': 'ReLU',
  'reglu 2': 'ReLUSquaredActivation',
  swiglu: 'SiLUActivation',
};
/** One function by several names. */
const sameClass: Readonly<Record<string, string>> = { NewGELUActivation: 'GELUTanh', SiLU: 'SiLUActivation' };

function read(config: Case['config']): FamilyConfig | null {
  try {
    return readFamilyConfig(config, null, findArchitecture(config.model_type, 'config.json'), 'config.json');
  } catch (error) {
    if (MoepressError.isInstance(error)) return null;
    throw error;
  }
}

/** What the reference tells, of a config as it was read. */
function describeConfig({ decoder, attention, router, ffn }: FamilyConfig): Record<string, unknown> {
  const { scaling, theta } = attention.rope;
  const { kind, ...function_ } = ffn.activation;
  const hasMoe = ffn.moe.includes(true);
  const hasDense = ffn.moe.includes(false);
  return {
    ...decoder,
    ...attention,
    epsilon: decoder.rmsNormEps,
    tied: decoder.tiedEmbeddings,
    theta,
    rotation: scaling?.kind ?? 'default',
    ...scaling,
    truncates: scaling?.kind === 'yarn' ? scaling.truncate : true,
    attentionFactor: scaling && 'attentionFactor' in scaling ? scaling.attentionFactor : 1,
    outputBias: attention.kind === 'mla' ? attention.bias : attention.outputBias,
    windows: attention.kind === 'mla' ? ffn.moe.map(() => null) : attention.windows,
    rotatedDim: attention.rope.dim,
    interleaved: attention.rope.pairing === 'neighbours',
    moe: ffn.moe,
    denseWidth: hasDense ? ffn.denseWidth : null,
    mlpBias: hasDense && ffn.bias,
    activation: classes[[kind, ...Object.values(function_)].join(' ')] ?? null,
    scale: attention.scale,
    ...(hasMoe && {
      topK: router!.topK,
      normalises: router!.normalise,
      routedScale: router!.scale,
      expertWidth: ffn.expertWidth,
      sharedWidth: ffn.sharedWidth,
      groups: router!.groups ? [router!.groups.count, router!.groups.selected] : null,
    }),
  };
}

/** The reference in the same words. */
function expectedOf(facts: NonNullable<Case['expected']>, isNamed: boolean): Record<string, unknown> {
  const { eosTokenIds, activation, groups, factor, originalPositions, ...rest } = facts;
  const stretched = facts.rotation !== 'default' && facts.rotation !== 'proportional';
  const beyond = facts.rotation === 'yarn' || facts.rotation === 'llama3' || facts.rotation === 'longrope';
  return {
    ...rest,
    // Of what generate() begins with where the file names no ids: the defaults of a class do not reach it.
    eosTokenIds: isNamed && eosTokenIds !== null ? [eosTokenIds].flat() : [],
    activation: sameClass[String(activation)] ?? activation,
    ...(stretched && factor !== null && { factor }),
    ...(beyond && { originalPositions }),
    // Groups are none where all are chosen.
    ...('groups' in facts && { groups: isChoice(groups) ? groups : null }),
    ...('topK' in facts && { topK: leastOf(facts) }),
  };
}

const isChoice = (groups: unknown) => Array.isArray(groups) && groups[0] !== groups[1];

/** In DeepSeek-V2 only experts of the chosen groups have a weight. */
function leastOf({ topK, experts, groups }: NonNullable<Case['expected']>): unknown {
  if (!isChoice(groups)) return topK;
  const [count, selected] = groups as [number, number];
  return Math.min(Number(topK), (Number(experts) / count) * selected);
}

/** MixtralConfig leaves an absent head_dim null, of which three types of rotation take a part. */
const lacksHeadDim = ({ model_type, head_dim }: Case['config']) =>
  model_type === 'mixtral' && (head_dim ?? null) === null;

const told = ({ modelType }: { modelType: string }) =>
  cases.filter(({ config }) => config.model_type === modelType);

describe.each(architectures.filter((family) => told(family).length > 0))('$modelType', (family) => {
  it('is read as transformers computes it, or refused', () => {
    const computed = told(family).filter(({ expected }) => expected !== null);
    expect(computed.length).toBeGreaterThan(5);
    for (const { config, expected } of computed) {
      const found = read(config);
      const context = JSON.stringify(config);
      const isNamed = config.eos_token_id !== undefined;
      expect(found, context).not.toBeNull();
      expect({ config, ...describeConfig(found!) }, context).toMatchObject({
        config,
        ...closely(expected!, isNamed),
      });
    }
  });

  it('is refused where transformers cannot compute it', () => {
    for (const { config, expected } of told(family)) {
      if (expected !== null || lacksHeadDim(config)) continue;
      expect(read(config), JSON.stringify(config)).toBeNull();
    }
  });
});

/** Numbers that are computed are equal but for the last digits. */
const closely = (facts: NonNullable<Case['expected']>, isNamed: boolean) =>
  Object.fromEntries(
    Object.entries(expectedOf(facts, isNamed)).map(([name, value]) => [
      name,
      typeof value === 'number' && !Number.isInteger(value) ? expect.closeTo(value, 12) : value,
    ]),
  );
