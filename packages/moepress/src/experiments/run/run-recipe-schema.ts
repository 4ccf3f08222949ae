import { expertLayouts } from '@moepress/export';
import { z } from 'zod';

const name = z.string().min(1);
const options = z
  .record(z.string(), z.json())
  .default({})
  .describe('Other options by their names: `moepress methods <name>` lists them.');
const seed = z.int().nonnegative().default(0).describe('Seed of everything random.');

const compressSchema = z
  .strictObject({
    method: name.describe('The method, such as reap or conmoe: `moepress methods` lists them.'),
    ratio: z
      .number()
      .min(0)
      .lt(1)
      .optional()
      .describe('Share of the routed-expert parameters to remove; left out where the options set the size.'),
    calibration: name
      .optional()
      .describe('What to measure on, as --calibration takes it, such as wikitext:128x2048.'),
    options,
    seed,
  })
  .describe('What goes. Measuring is a job of its own.');

const healSchema = z
  .strictObject({
    refiner: name.describe('What trains, such as distil.'),
    train: name.describe('What to learn from, as --train takes it.'),
    validate: name.optional().describe('What to judge the student by meanwhile.'),
    options,
    seed,
  })
  .describe('Trains what is left.');

const exportSchema = z
  .strictObject({
    to: name.describe('hf, gguf, onnx, or the format of a plugin.'),
    type: name.optional().describe('Type of the weights, such as q8_0; the first of the format by default.'),
    layout: z
      .enum(expertLayouts)
      .optional()
      .describe('How experts are stored that slots share or that differ in width; compact by default.'),
  })
  .describe('A format to write the model in.');

const evaluateSchema = z
  .strictObject({
    tasks: z.array(name).min(1).max(256).describe('Names, patterns or tags: `moepress tasks` lists them.'),
    limit: z
      .number()
      .positive()
      .optional()
      .describe('Only the first n documents of a task, below 1 that share.'),
    num_fewshot: z.int().nonnegative().optional().describe('Examples before each question.'),
    apply_chat_template: z.boolean().optional().describe("Puts questions into the model's chat template."),
    original: z.boolean().default(true).describe('Whether the original is scored, too.'),
  })
  .describe('Tasks that the result is scored on.');

/** What `moepress run` does. */
export const runRecipeSchema = z
  .strictObject({
    $schema: z.string().optional().describe('The schema, for editors.'),
    model: name.describe('A folder, a GGUF file, an id on the Hub, or tiny.'),
    revision: name.optional().describe('Branch, tag or commit of a model of the Hub.'),
    out: name
      .optional()
      .describe('Folder of all results, beside the recipe unless it is absolute; --out comes before it.'),
    compress: compressSchema.optional(),
    heal: healSchema.optional(),
    export: z.array(exportSchema).max(16).default([]).describe('Formats to write the model in.'),
    evaluate: evaluateSchema.optional(),
    compare: z.boolean().default(true).describe('Whether the result is compared with the original.'),
  })
  .refine((recipe) => recipe.heal === undefined || recipe.compress !== undefined, {
    path: ['heal'],
    message: 'Only what was compressed is healed: add compress',
  })
  .refine(
    (recipe) => recipe.compress !== undefined || recipe.export.length > 0 || recipe.evaluate !== undefined,
    {
      message: 'There is nothing to do: add compress, export or evaluate',
    },
  );

export type RunRecipe = z.output<typeof runRecipeSchema>;

/** A recipe as a program writes it. */
export type RunRecipeInput = z.input<typeof runRecipeSchema>;

/** Where editors find it. */
const schemaAddress = 'https://cdn.jsdelivr.net/npm/moepress/schemas/run-recipe.schema.json';

/** The JSON Schema of recipes as they are written. */
export const runRecipeJsonSchema = (): Readonly<Record<string, unknown>> => ({
  ...z.toJSONSchema(runRecipeSchema, { io: 'input' }),
  $id: schemaAddress,
  title: 'A recipe of moepress run',
});
