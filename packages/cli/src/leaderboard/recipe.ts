import { MoepressError } from '@moepress/core';
import { findTaskOrGroup, parseCalibration } from '@moepress/harness';
import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { readText } from '../source/text.js';

/** Far more cells than anyone could wait for. */
const maxList = 256;

const listOf = <Item extends z.ZodType>(item: Item) => z.array(item).min(1).max(maxList);

const name = z.string().min(1);

const modelSchema = z.union([
  name.transform((id) => ({ id, revision: null })),
  z.strictObject({ id: name, revision: name.nullable().default(null) }),
]);

const methodSchema = z.union([
  name.transform((method) => ({ method, label: method, options: {} })),
  z
    .strictObject({
      method: name,
      /** What the tables call it. */
      label: name.optional(),
      options: z.record(z.string(), z.unknown()).default({}),
    })
    .transform(({ method, label = method, options }) => ({ method, label, options })),
]);

const recipeSchema = z.strictObject({
  title: name.default('Leaderboard'),
  models: listOf(modelSchema),
  tasks: listOf(name),
  methods: listOf(methodSchema),
  /** Shares of the routed-expert parameters to remove. */
  ratios: listOf(z.number().gt(0).lt(1)),
  /** As `--calibration` takes them; absent: the embedded model's own text. */
  calibration: listOf(name).optional(),
  seeds: listOf(z.int().nonnegative()).default([0]),
  limit: z.number().positive().optional(),
  num_fewshot: z.int().nonnegative().optional(),
  /** Shows tables of papers beside ours. */
  published: z.boolean().default(false),
});

export type Recipe = z.output<typeof recipeSchema>;
export type RecipeModel = Recipe['models'][number];
export type RecipeMethod = Recipe['methods'][number];

/** A recipe, and where each of its parts stands: `recipe.yaml:12`. */
export interface LocatedRecipe {
  readonly recipe: Recipe;
  whereIs(path: readonly PropertyKey[]): string;
}

/**
 * Reads a recipe. Throws `INPUT_INVALID`, `TASK_UNKNOWN` or `CALIBRATION_INVALID` naming the line; methods are
 * looked for later, since that loads plugins.
 */
export async function readRecipe(file: string): Promise<LocatedRecipe> {
  const lines = new LineCounter();
  const document = parseDocument(await readText(file, 'INPUT_INVALID'), { lineCounter: lines });
  const at = (offset: number) => `${file}:${lines.linePos(offset).line}`;
  const [broken] = document.errors;
  if (broken) {
    throw new MoepressError('INPUT_INVALID', {
      message: `This is no YAML: ${broken.message.split('\n')[0]}`,
      where: at(broken.pos[0]),
    });
  }
  /** The line of a node, or of the nearest one around it. */
  const whereIs = (path: readonly PropertyKey[]): string => {
    const node = path.length === 0 ? document.contents : document.getIn(path, true);
    const range = (node as { range?: readonly number[] } | null | undefined)?.range;
    if (range) return at(range[0]!);
    return path.length === 0 ? file : whereIs(path.slice(0, -1));
  };
  const { success, data, error } = recipeSchema.safeParse(document.toJS());
  if (!success) {
    const { path, message } = innermost(error.issues[0]!);
    throw new MoepressError('INPUT_INVALID', {
      message: `${path.join('.') || 'The recipe'}: ${message}.`,
      where: whereIs(path),
      mend: 'Correct the line.',
    });
  }
  for (const [i, task] of data.tasks.entries()) {
    locating(whereIs(['tasks', i]), () => findTaskOrGroup(task));
  }
  for (const [i, set] of (data.calibration ?? []).entries()) {
    locating(whereIs(['calibration', i]), () => parseCalibration(set));
  }
  return { recipe: data, whereIs };
}

/** Of a union, what was wrong with the alternative that came closest: the last. */
function innermost(issue: z.core.$ZodIssue): z.core.$ZodIssue {
  const inner = issue.code === 'invalid_union' ? issue.errors.at(-1)?.[0] : undefined;
  return inner ? innermost({ ...inner, path: [...issue.path, ...inner.path] }) : issue;
}

/** Runs `check`; what it throws is told of `where`. */
function locating(where: string, check: () => unknown): void {
  try {
    check();
  } catch (cause) {
    throw located(where, cause);
  }
}

/** The same error, told of `where`. */
export function located(where: string, cause: unknown): unknown {
  if (!MoepressError.isInstance(cause)) return cause;
  return new MoepressError(cause.code, { message: cause.message, mend: cause.mend, where, cause });
}
