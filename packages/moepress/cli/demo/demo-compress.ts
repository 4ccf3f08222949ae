import { join } from 'node:path';
import { openModel } from '@moepress/checkpoint';
import type { CalibrationSet } from '@moepress/core';
import {
  applyPlan,
  type CompressionPlan,
  type Evidence,
  type FoundMethod,
  type Model,
  parseOptions,
  type Statistic,
  throwIfAborted,
} from '@moepress/core';
import { writeHuggingFace } from '@moepress/export';
import { parseCalibration } from '@moepress/harness';
import { calibrate, Engine, planCompression, refineModel } from '@moepress/runtime';
import { calibrationSet, trainingSet } from '../../src/models/model-data.js';
import type { Context } from '../context.js';
import {
  type CalibrationText,
  calibrationTexts,
  nameOf,
  type Training,
  trainingText,
  type Variant,
} from './demo-variants.js';

/** A compressed model that can be scored. */
export interface Compressed {
  readonly variant: Variant;
  readonly model: Model;
  /** Of its files. */
  readonly bytes: number;
}

/** Measures once a text, compresses with every variant, writes the checkpoint and opens it again. */
export async function compressAll(
  base: Model,
  variants: readonly Variant[],
  folder: string,
  context: Context,
): Promise<Compressed[]> {
  const engine = new Engine();
  try {
    const methods = await Promise.all(variants.map(({ method }) => context.registry.find(method)));
    const evidence = await measureTexts(engine, base, variants, methods, context);
    const plans = new Map<string, CompressionPlan>();
    const compressed: Compressed[] = [];
    for (const [i, variant] of variants.entries()) {
      throwIfAborted(context.work.signal);
      // Before and after training it is the same plan.
      const untrained = nameOf({ ...variant, training: null });
      const plan =
        plans.get(untrained) ??
        (await planCompression(engine, {
          ...context.work,
          model: base,
          method: methods[i]!,
          options: optionsOf(variant),
          measure: async () => evidence.get(variant.text!)!.evidence,
          calibration: async () => evidence.get(variant.text!)!.set,
        }));
      plans.set(untrained, plan);
      const view = await trained(base, applyPlan(base, plan), variant.training, folder, context);
      const directory = folderOf(folder, variant);
      const { bytes } = await writeHuggingFace(view, directory, { layout: 'compact', plan, base });
      compressed.push({ variant, model: await openModel(directory), bytes });
    }
    return compressed;
  } finally {
    await engine.dispose();
  }
}

/** The state of the run is of no use to anybody afterwards. */
async function trained(
  teacher: Model,
  student: Model,
  training: Training | null,
  folder: string,
  { registry, work }: Context,
): Promise<Model> {
  if (training === null) return student;
  const { sequences } = await trainingSet(teacher, parseCalibration(trainingText), { seed: 0 }, work);
  const refined = await refineModel({
    ...work,
    student,
    teacher,
    refiner: await registry.findRefiner(training.refiner),
    options: { ...training.option, seed: 0 },
    sequences,
    validation: [],
    folder: join(folder, 'training'),
  });
  return refined.view;
}

interface Measured {
  readonly set: CalibrationSet;
  readonly evidence: Evidence;
}

/** Evidence by text: one run measures what all variants that read it need. */
async function measureTexts(
  engine: Engine,
  base: Model,
  variants: readonly Variant[],
  methods: readonly FoundMethod[],
  { work }: Context,
): Promise<Map<CalibrationText, Measured>> {
  const needs = new Map<CalibrationText, Statistic[]>();
  for (const [i, variant] of variants.entries()) {
    if (variant.text === null) continue;
    const { compressor } = methods[i]!;
    const own = compressor.needs(base, parseOptions(compressor, optionsOf(variant)));
    needs.set(variant.text, [...(needs.get(variant.text) ?? []), ...own]);
  }
  const evidence = new Map<CalibrationText, Measured>();
  for (const [text, statistics] of needs) {
    const calibration = parseCalibration(calibrationTexts[text]);
    const set = await calibrationSet(base, { calibration, seed: 0 }, work);
    evidence.set(text, { set, evidence: await calibrate(engine, base, set, statistics, work) });
  }
  return evidence;
}

const optionsOf = ({ ratio, seed, option }: Variant) => ({
  ...option,
  ...(ratio !== null && { ratio }),
  seed,
});

export const folderOf = (parent: string, variant: Variant): string => join(parent, nameOf(variant));
