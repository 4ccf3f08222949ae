import { type FoundMethod, type Model, parseOptions, type Work } from '@moepress/core';
import { type LocatedYaml, located } from '../../files/yaml-file.js';
import { type FindOptions, openPlugins } from '../../methods/find-methods.js';
import { useBudget } from '../../methods/use-plugins.js';
import { embeddedName } from '../../models/embedded.js';
import { type CalibrationChoice, calibrationSet, type DataOptions } from '../../models/model-data.js';
import { openBase } from '../../models/open-model.js';
import { type WorkOptions, workOf } from '../../options.js';
import { addressOf, measuredTokens } from '../address.js';
import type { Recipe, RecipeMethod } from './recipe.js';
import { type Compression, optionsOf, type Variant, variantOf } from './variant.js';

/**
 * Every model of a recipe as it is, then by every method, ratio, calibration set and seed. What a method does not
 * look at makes no further variant. Throws what opening models, finding methods and parsing options throw, naming
 * the line.
 */
export async function enumerateVariants(
  { data: recipe, whereIs }: LocatedYaml<Recipe>,
  { data, ...options }: FindOptions & WorkOptions & Pick<DataOptions, 'data'>,
): Promise<Variant[]> {
  const work = workOf(options);
  const { installed } = openPlugins(options);
  const found: FoundMethod[] = [];
  for (const [i, { method, options: own }] of recipe.methods.entries()) {
    const line = whereIs(['methods', i]);
    found.push(await withSourceLine(line, () => installed.find(method)));
    await withSourceLine(line, () => useBudget('budget' in own ? own.budget : null, options));
  }
  const variants = new Map<string, Variant>();
  for (const [m, { id, revision }] of recipe.models.entries()) {
    const base = await withSourceLine(whereIs(['models', m]), () =>
      openBase(id, { ...work, plugins: options.plugins, ...(revision !== null && { revision }) }),
    );
    const hashOf = memoised((text: string | null, seed: number) =>
      calibrationHash(base, { calibration: text ?? undefined, seed, data, plugins: options.plugins }, work),
    );
    const original = await variantOf(base, null, null, work);
    variants.set(original.address, original);
    for (const [i, method] of recipe.methods.entries()) {
      for (const compression of compressionsOf(recipe, method, found[i]!)) {
        const variant = await withSourceLine(whereIs(['methods', i]), async () =>
          variantOf(base, ...(await measured(base, compression, hashOf)), work),
        );
        variants.set(variant.address, variants.get(variant.address) ?? variant);
      }
    }
  }
  return [...variants.values()];
}

function compressionsOf(
  {
    ratios,
    seeds,
    calibration = [null],
  }: Pick<Recipe, 'ratios' | 'seeds'> & { calibration?: readonly (string | null)[] | undefined },
  method: RecipeMethod,
  found: FoundMethod,
): Compression[] {
  const own = method.ratios ?? ratios;
  return (own.length > 0 ? own : [null]).flatMap((ratio) =>
    calibration.flatMap((text) => seeds.map((seed) => ({ found, method, ratio, seed, calibration: text }))),
  );
}

/** A compression with the hash of the tokens it measures on, or without calibration where it measures nothing. */
async function measured(
  base: Model,
  compression: Compression,
  hashOf: (text: string | null, seed: number) => Promise<string>,
): Promise<[Compression, string | null]> {
  const { compressor } = compression.found;
  const needs = compressor.needs(base, parseOptions(compressor, optionsOf(compression)));
  if (needs.length === 0) return [{ ...compression, calibration: null }, null];
  const hash = await hashOf(compression.calibration, compression.seed);
  // Tables name what was measured on, also where the recipe leaves it to the model.
  const own = base.id === embeddedName ? embeddedName : null;
  return [{ ...compression, calibration: compression.calibration ?? own }, hash];
}

async function calibrationHash(base: Model, choice: CalibrationChoice, work: Work): Promise<string> {
  return addressOf(measuredTokens(await calibrationSet(base, choice, work)));
}

function memoised<Result>(compute: (text: string | null, seed: number) => Promise<Result>) {
  const known = new Map<string, Promise<Result>>();
  return (text: string | null, seed: number): Promise<Result> => {
    const key = JSON.stringify([text, seed]);
    const result = known.get(key) ?? compute(text, seed);
    known.set(key, result);
    return result;
  };
}

async function withSourceLine<Result>(where: string, run: () => Promise<Result>): Promise<Result> {
  try {
    return await run();
  } catch (cause) {
    throw located(where, cause);
  }
}
