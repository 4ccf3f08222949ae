import { findTaskOrGroup, parseCalibration } from '@moepress/harness';
import { z } from 'zod';
import type { EvaluateOptions, Questions } from '../../evaluate.js';
import type { ChatSettings } from '../../evaluation/chat-settings.js';
import { checkData, type LocatedYaml, locating, readYaml } from '../../files/yaml-file.js';
import type { FindOptions } from '../../methods/find-methods.js';
import { useTasks } from '../../methods/use-plugins.js';

/** Items of any list. */
const maxList = 256;

/** Far more cells than anyone could wait for. */
const maxCells = 10_000;

const listOf = <Item extends z.ZodType>(item: Item) => z.array(item).min(1).max(maxList);

const name = z.string().min(1);

const modelSchema = z.union([
  name.transform((id) => ({ id, revision: null })),
  z.strictObject({ id: name, revision: name.nullable().default(null) }),
]);

const ratio = z.number().gt(0).lt(1);

const methodSchema = z.union([
  name.transform((method) => ({ method, label: method, options: {}, ratios: undefined, propagate: false })),
  z
    .strictObject({
      method: name,
      /** Its name in the tables. */
      label: name.optional(),
      options: z
        .record(z.string(), z.unknown())
        .default({})
        .refine((options) => !Object.hasOwn(options, 'seed'), 'The seeds of the recipe say what seed is')
        .refine(
          (options) => !Object.hasOwn(options, 'ratio'),
          'The ratios of the recipe or of the method say what ratio is',
        ),
      /** Ratios that replace the recipe's; empty for a method whose options set the size. */
      ratios: z.array(ratio).max(maxList).optional(),
      /** Whether each layer is measured on what the compressed layers below give. */
      propagate: z.boolean().default(false),
    })
    .transform(({ method, label = method, ...of }) => ({
      method,
      label,
      options: of.options,
      ratios: of.ratios,
      propagate: of.propagate,
    })),
]);

const recipeSchema = z
  .strictObject({
    title: name.default('Leaderboard'),
    models: listOf(modelSchema),
    tasks: listOf(name),
    methods: listOf(methodSchema),
    /** Shares of the routed-expert parameters to remove. */
    ratios: listOf(ratio),
    /** Calibration sets as `--calibration` takes them; absent: the embedded model's own text. */
    calibration: listOf(name).optional(),
    seeds: listOf(z.int().nonnegative()).default([0]),
    limit: z.number().positive().optional(),
    num_fewshot: z.int().nonnegative().optional(),
    /** How instruct models are asked, as the options of `eval` of the same names. */
    apply_chat_template: z.union([z.boolean(), name]).optional(),
    system_instruction: z.string().optional(),
    fewshot_as_multiturn: z.boolean().optional(),
    chat_template_args: z.record(z.string(), z.json()).optional(),
    enable_thinking: z.boolean().optional(),
    think_end_token: z.union([name, z.int().nonnegative()]).optional(),
    /** Arguments of generation, added to those of each task. */
    gen_kwargs: z.record(z.string(), z.json()).optional(),
    /** Whether each compressed model is compared with the original, token by token, which about doubles the scoring. */
    movement: z.boolean().default(true),
    /** Whether tables of papers are shown next to our results. */
    published: z.boolean().default(false),
  })
  .refine((recipe) => cellsOf(recipe) <= maxCells, {
    path: ['methods'],
    message: `More than ${maxCells} combinations of models, methods, ratios, calibration sets and seeds`,
  });

interface Lists {
  readonly models: readonly unknown[];
  readonly methods: readonly { readonly ratios?: readonly unknown[] | undefined }[];
  readonly ratios: readonly unknown[];
  readonly calibration?: readonly unknown[] | undefined;
  readonly seeds: readonly unknown[];
}

/** The cells that a recipe asks for, at most. */
function cellsOf({ models, methods, ratios, calibration = [null], seeds }: Lists): number {
  const shares = methods.reduce((sum, { ratios: own = ratios }) => sum + Math.max(1, own.length), 1);
  return models.length * shares * calibration.length * seeds.length;
}

export type Recipe = z.output<typeof recipeSchema>;
export type RecipeMethod = Recipe['methods'][number];

/** What a recipe asks of every model. */
export type RecipeQuestions = Questions & ChatSettings & Pick<EvaluateOptions, 'genKwargs'>;

/** The questions of a recipe, without what it leaves out. */
export function questionsOf(recipe: Recipe, data: string | undefined): RecipeQuestions {
  const { tasks, limit, num_fewshot: numFewshot } = recipe;
  const more = {
    applyChatTemplate: recipe.apply_chat_template,
    systemInstruction: recipe.system_instruction,
    fewshotAsMultiturn: recipe.fewshot_as_multiturn,
    chatTemplateArgs: recipe.chat_template_args,
    enableThinking: recipe.enable_thinking,
    thinkEndToken: recipe.think_end_token,
    genKwargs: recipe.gen_kwargs,
  };
  const given = Object.entries(more).filter(([, value]) => value !== undefined);
  return { tasks, limit, numFewshot, data, ...Object.fromEntries(given) };
}

/** A recipe as a program writes it. */
export type RecipeInput = z.input<typeof recipeSchema>;

/**
 * Reads a recipe from a YAML file, or takes one as it is. Throws `INPUT_INVALID`, `TASK_UNKNOWN` or
 * `CALIBRATION_INVALID` naming the line; methods are looked for later, since that loads plugins.
 */
export async function readRecipe(
  given: string | RecipeInput,
  options: FindOptions = {},
): Promise<LocatedYaml<Recipe>> {
  const located =
    typeof given === 'string'
      ? await readYaml(given, recipeSchema, 'The recipe')
      : checkData(given, recipeSchema, 'recipe');
  const { data, whereIs } = located;
  await useTasks(data.tasks, options);
  for (const [i, task] of data.tasks.entries()) {
    locating(whereIs(['tasks', i]), () => findTaskOrGroup(task));
  }
  for (const [i, set] of (data.calibration ?? []).entries()) {
    locating(whereIs(['calibration', i]), () => parseCalibration(set));
  }
  return located;
}
