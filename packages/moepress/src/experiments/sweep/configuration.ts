import type { CalibrationSet } from '@moepress/core';
import { type FoundMethod, type Model, parseOptions, type Statistic } from '@moepress/core';
import { type LocatedYaml, locating } from '../../files/yaml-file.js';
import { companionsHash } from '../../models/companions.js';
import { addressOf, measuredTokens } from '../address.js';
import { combinations, type Grid, type Options } from './grid.js';

/** One combination of a grid. */
export interface Configuration {
  /** The options as the grid gives them. */
  readonly options: Options;
  /** The same with the grid's seed, unless they have one of their own, for the method. */
  readonly given: Options;
  readonly needs: readonly Statistic[];
  /** SHA-256 of what determines its plan: weights, tokenizer, method with its options, tokens measured on. */
  readonly address: string;
}

/**
 * All combinations, those that mean the same once. Throws `OPTIONS_INVALID` and what the method's `needs` throws,
 * naming the line of the options.
 */
export async function configurationsOf(
  { data: grid, whereIs }: LocatedYaml<Grid>,
  {
    base,
    identity,
    method,
    set,
  }: {
    base: Model;
    /** Identity of the base, with the version of the numbers. */
    identity: string;
    method: FoundMethod;
    set: CalibrationSet;
  },
): Promise<Configuration[]> {
  const { compressor, origin } = method;
  const companions = await companionsHash(base.source.directory);
  const measured = { model: identity, companions, calibration: addressOf(measuredTokens(set)) };
  const all = combinations(grid).map((options): [string, Configuration] => {
    const given = { seed: grid.seed, ...options };
    const parsed = locating(whereIs(['options']), () => parseOptions(compressor, given));
    const needs = locating(whereIs(['options']), () => compressor.needs(base, parsed));
    const address = addressOf({ ...measured, origin, method: compressor.name, options: parsed });
    return [address, { options, given, needs, address }];
  });
  return [...new Map(all.toReversed()).values()].reverse();
}
