import { canonicalJson } from '@moepress/core';
import { findTaskOrGroup, parseCalibration } from '@moepress/harness';
import { z } from 'zod';
import { checkData, type LocatedYaml, locating, readYaml } from '../../files/yaml-file.js';
import type { FindOptions } from '../../methods/find-methods.js';
import { useTasks } from '../../methods/use-plugins.js';

/** More than anyone could wait for. */
const maxConfigurations = 10_000;

const name = z.string().min(1);
const count = z.int().positive();
/** An option's value, or a list of values to try. */
const values = z
  .json()
  .refine((given) => !Array.isArray(given) || given.length > 0, 'It lists no value to be tried');

const gridSchema = z
  .strictObject({
    title: name.default('Sweep'),
    model: name,
    revision: name.nullable().default(null),
    method: name,
    /**
     * A list holds values to be tried, in all combinations; anything else is the same for all. A `seed` among them is the
     * method's; the documents to measure on are chosen by the grid's.
     */
    options: z.record(z.string(), values),
    /** The calibration set as `--calibration` takes it; absent: the embedded model's own text. */
    calibration: name.optional(),
    seed: z.int().nonnegative().default(0),
    /** Tasks on which every configuration is scored. */
    tasks: z.array(name).default([]),
    limit: z.number().positive().optional(),
    num_fewshot: z.int().nonnegative().optional(),
    /** The measure for ranking configurations: `distance`, or one of the tasks. Absent: the first task, if any. */
    by: name.optional(),
    /** Further tasks, which cost more, for the best. */
    best: z
      .strictObject({ count, tasks: z.array(name).min(1), limit: z.number().positive().optional() })
      .optional(),
  })
  .refine(({ by, tasks }) => by === undefined || by === 'distance' || tasks.includes(by), {
    path: ['by'],
    message: 'It must be distance or one of the tasks',
  })
  .refine((grid) => sizeOf(grid) <= maxConfigurations, {
    path: ['options'],
    message: `More than ${maxConfigurations} combinations`,
  });

export type Grid = z.output<typeof gridSchema>;

/** Values of a method's options by their names. */
export type Options = Readonly<Record<string, unknown>>;

/** A grid as a program writes it. */
export type GridInput = z.input<typeof gridSchema>;

/**
 * Reads a grid from a YAML file, or takes one as it is. Throws `INPUT_INVALID`, `TASK_UNKNOWN` or `CALIBRATION_INVALID`
 * naming the line.
 */
export async function readGrid(
  given: string | GridInput,
  options: FindOptions = {},
): Promise<LocatedYaml<Grid>> {
  const located =
    typeof given === 'string'
      ? await readYaml(given, gridSchema, 'The grid')
      : checkData(given, gridSchema, 'grid');
  const { tasks, best, calibration } = located.data;
  const asked = [
    ...tasks.map((task, i) => ({ task, path: ['tasks', i] })),
    ...(best?.tasks ?? []).map((task, i) => ({ task, path: ['best', 'tasks', i] })),
  ];
  await useTasks(
    asked.map(({ task }) => task),
    options,
  );
  for (const { task, path } of asked) locating(located.whereIs(path), () => findTaskOrGroup(task));
  if (calibration !== undefined) {
    locating(located.whereIs(['calibration']), () => parseCalibration(calibration));
  }
  return located;
}

/** Every combination of the listed values. The last option changes fastest. */
export function combinations({ options }: Pick<Grid, 'options'>): Options[] {
  return Object.entries(options).reduce<Options[]>(
    (all, [option, given]) =>
      all.flatMap((one) => (Array.isArray(given) ? given : [given]).map((v) => ({ ...one, [option]: v }))),
    [{}],
  );
}

/** Options of which more than one value is tried, in the order of the grid. */
export const factorsOf = ({ options }: Pick<Grid, 'options'>): string[] =>
  Object.entries(options).flatMap(([option, given]) =>
    Array.isArray(given) && new Set(given.map(canonicalJson)).size > 1 ? [option] : [],
  );

const sizeOf = ({ options }: { options: Readonly<Record<string, unknown>> }) =>
  Object.values(options).reduce<number>((size, given) => size * (Array.isArray(given) ? given.length : 1), 1);
