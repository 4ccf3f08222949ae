import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec';
import { MoepressError } from '../errors/error.js';
import { suggest } from '../errors/suggest.js';

/**
 * What says which options there are and checks them: a schema of any library that follows Standard Schema
 * (https://standardschema.dev), such as zod, valibot or arktype in whichever version a plugin has. It must answer at once, not
 * with a promise.
 */
export type OptionsSchema<Options> = StandardSchemaV1<unknown, Options>;

/** Whether a value is a schema that follows Standard Schema. */
export function isOptionsSchema(value: unknown): value is OptionsSchema<unknown> {
  const standard = (value as Partial<OptionsSchema<unknown>> | null | undefined)?.['~standard'];
  return typeof standard?.validate === 'function';
}

/** Checks options against the schema of a method or refiner. Throws `OPTIONS_INVALID` naming the option. */
export function parseOptions<O>(
  owner: { readonly name: string; readonly options: OptionsSchema<O> },
  given: unknown,
): O {
  const result = owner.options['~standard'].validate(given);
  if (result instanceof Promise) {
    throw new MoepressError('PLUGIN_INVALID', {
      message: `The options of ${owner.name} are checked by a promise; a schema that answers at once was wanted.`,
      where: 'options',
      hint: 'Report this to the author of the plugin.',
    });
  }
  if (!result.issues) return result.value;
  const issue: Issue | undefined = result.issues[0];
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys?.[0] : undefined;
  if (unknown !== undefined) throw unknownOption(owner, unknown);
  const path = (issue?.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part));
  const where = ['options', ...path].join('.');
  const [, wanted] = /^Invalid input: expected (.+), received undefined$/.exec(issue?.message ?? '') ?? [];
  if (wanted !== undefined && path.length === 1) throw missingOption(owner.name, where, wanted);
  throw new MoepressError('OPTIONS_INVALID', { message: problemOf(owner.name, where, issue), where });
}

/** What zod says of a value of another type names no option. */
function problemOf(owner: string, where: string, issue: Issue | undefined): string {
  const [, problem] = /^Invalid input: (.+)$/.exec(issue?.message ?? '') ?? [];
  if (problem === undefined) return `${issue?.message ?? 'The options are not valid'}.`;
  return where === 'options'
    ? `The options of ${owner}: ${problem}.`
    : `\`${where}\` of ${owner}: ${problem}.`;
}

const missingOption = (owner: string, where: string, wanted: string): MoepressError =>
  new MoepressError('OPTIONS_INVALID', {
    message: `${owner} needs \`${where}\`, which is not given.`,
    where,
    hint: `Give \`${where}\`, a ${wanted}.`,
  });

/** What zod tells of an option that there is not. */
interface Issue extends StandardSchemaV1.Issue {
  readonly code?: string;
  readonly keys?: readonly string[];
}

function unknownOption(
  { name, options }: { name: string; options: OptionsSchema<unknown> },
  given: string,
): MoepressError {
  const known = Object.keys((optionsJsonSchema(options)?.properties as object | undefined) ?? {});
  const guess = suggest(given, known);
  return new MoepressError('OPTIONS_INVALID', {
    message: `${name} has no option "${given}".${guess ? ` Did you mean "${guess}"?` : ''}`,
    where: 'options',
    hint: known.length > 0 ? `Pick from ${known.join(', ')}.` : undefined,
  });
}

/** The JSON Schema of options as they are given; null where the schema's library cannot tell it. */
export function optionsJsonSchema(schema: OptionsSchema<unknown>): Readonly<Record<string, unknown>> | null {
  const { jsonSchema } = schema['~standard'] as Partial<StandardJSONSchemaV1.Props>;
  if (jsonSchema === undefined) return null;
  // What JSON cannot say is anything, in the words of zod.
  return jsonSchema.input({ target: 'draft-2020-12', libraryOptions: { unrepresentable: 'any' } });
}
