import {
  type Compressor,
  MoepressError,
  type OptionsSchema,
  optionsJsonSchema,
  type Refiner,
  suggest,
} from '@moepress/core';
import { type FindOptions, openPlugins } from './find-methods.js';

/** An option of a method or refiner. */
export interface DescribedOption {
  readonly name: string;
  /** What it takes: `number`, `a | b`, `string[]`. */
  readonly type: string;
  /** What it is where it is not given; absent where it must be given, or has no value by itself. */
  readonly default?: unknown;
  readonly isRequired: boolean;
  readonly description: string | null;
}

/** A method or refiner of an installed plugin, with its options. */
export interface DescribedMethod {
  readonly name: string;
  readonly kind: 'method' | 'refiner';
  readonly package: string;
  readonly title: string;
  readonly reference: string;
  readonly options: readonly DescribedOption[];
}

/**
 * The methods and refiners of installed plugins with the options they take, which loads the plugins; of one name only, if
 * it is given. Throws `METHOD_UNKNOWN` with a suggestion, and `PLUGIN_INVALID`.
 */
export async function describeMethods(
  name: string | null = null,
  options: FindOptions = {},
): Promise<DescribedMethod[]> {
  const { installed, packages: declared } = openPlugins(options);
  const packages = await declared();
  const all = packages.flatMap((plugin) => [
    ...plugin.methods.map((one) => ({ kind: 'method' as const, name: one, package: plugin.package })),
    ...plugin.refiners.map((one) => ({ kind: 'refiner' as const, name: one, package: plugin.package })),
  ]);
  const wanted = name === null ? all : all.filter((one) => one.name === name);
  if (wanted.length === 0 && name !== null) throw unknown(name, all);
  return Promise.all(
    wanted.map(async (one): Promise<DescribedMethod> => {
      const full = `${one.package}:${one.name}`;
      const found: Compressor | Refiner =
        one.kind === 'method'
          ? (await installed.find(full)).compressor
          : (await installed.findRefiner(full)).refiner;
      return { ...one, title: found.title, reference: found.reference, options: optionsOf(found.options) };
    }),
  );
}

function unknown(name: string, all: readonly { readonly name: string }[]): MoepressError {
  const names = [...new Set(all.map((one) => one.name))].sort();
  const guess = suggest(name, names);
  return new MoepressError('METHOD_UNKNOWN', {
    message: `There is no method and no refiner "${name}".${guess ? ` Did you mean "${guess}"?` : ''}`,
    where: 'name',
    hint: `Pick from ${names.join(', ')}.`,
  });
}

/** What of a JSON schema says what a value is. */
interface Described {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Described[];
  readonly oneOf?: readonly Described[];
  readonly allOf?: readonly Described[];
  readonly items?: Described;
  readonly properties?: Readonly<Record<string, Described>>;
  readonly required?: readonly string[];
  readonly default?: unknown;
  readonly description?: string;
}

/** Options of a schema, also of one that is made of several, in their order. */
function optionsOf(schema: OptionsSchema<unknown>): DescribedOption[] {
  const json: Described = optionsJsonSchema(schema) ?? {};
  const byName = new Map<string, DescribedOption>();
  for (const part of partsOf(json)) {
    for (const [name, of] of Object.entries(part.properties ?? {})) {
      if (byName.has(name)) continue;
      byName.set(name, {
        name,
        type: typeOf(of),
        ...(of.default !== undefined && { default: of.default }),
        isRequired: part.required?.includes(name) ?? false,
        description: of.description ?? null,
      });
    }
  }
  return [...byName.values()];
}

const partsOf = (json: Described): readonly Described[] => [
  json,
  ...[...(json.anyOf ?? []), ...(json.oneOf ?? []), ...(json.allOf ?? [])].flatMap(partsOf),
];

function typeOf(json: Described): string {
  if (json.const !== undefined) return JSON.stringify(json.const);
  if (json.enum) return json.enum.map((value) => String(value)).join(' | ');
  const either = json.anyOf ?? json.oneOf;
  if (either) return [...new Set(either.map(typeOf))].join(' | ');
  if (json.type === 'array') return `${json.items ? typeOf(json.items) : 'any'}[]`;
  return json.type === undefined ? 'any' : [json.type].flat().join(' | ');
}
