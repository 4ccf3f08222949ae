import { MoepressError } from '../errors/error.js';
import { shown } from '../errors/shown.js';
import { isOptionsSchema } from '../method/options-schema.js';
import { isStatistics, wantedStatistics } from './is-statistics.js';
import type { Plugin } from './plugin.js';

/** What a field must hold, in words. */
interface Field {
  readonly wanted: string;
  readonly isRight: (value: unknown) => boolean;
  readonly isOptional?: true;
}

type Fields = Readonly<Record<string, Field>>;

const named: Field = {
  wanted: 'a name of letters, digits, "_", "-" and "."',
  isRight: (value) => typeof value === 'string' && /^\w[\w.-]*$/.test(value),
};
const text: Field = { wanted: 'a text', isRight: (value) => typeof value === 'string' && value !== '' };
const callable: Field = { wanted: 'a function', isRight: (value) => typeof value === 'function' };
const spec: Field = { wanted: '1, which this moepress knows', isRight: (value) => value === 1 };
const schema: Field = {
  wanted: 'a schema that follows Standard Schema, such as one of zod',
  isRight: isOptionsSchema,
};
const statistics: Field = { wanted: wantedStatistics, isRight: isStatistics };

const described: Fields = { name: named, title: text, reference: text };

/** What the objects of each list have. */
const lists: Readonly<Record<Exclude<keyof Plugin, 'name'>, Fields>> = {
  compressors: {
    specVersion: spec,
    ...described,
    options: schema,
    needs: callable,
    plan: callable,
    outline: { ...callable, isOptional: true },
  },
  scorers: { ...described, needs: statistics, score: callable },
  refiners: { specVersion: spec, ...described, options: schema, refine: callable },
  budgets: {
    specVersion: spec,
    ...described,
    options: schema,
    isUniform: { wanted: 'true or false', isRight: (value) => typeof value === 'boolean' },
    setsSize: { ...callable, isOptional: true },
    needs: { ...callable, isOptional: true },
    allot: callable,
  },
  // Their own fields are checked by the packages that know them.
  tasks: {},
  calibrationSets: { specVersion: spec, ...described, documents: callable },
  exporters: {
    specVersion: spec,
    ...described,
    output: { wanted: '"file" or "folder"', isRight: (value) => value === 'file' || value === 'folder' },
    check: { ...callable, isOptional: true },
    write: callable,
  },
  architectures: { modelType: named, title: text },
};

/**
 * Checks what a package exports as its plugin. Throws `PLUGIN_INVALID` naming the package, the field and what was
 * wanted there.
 */
export function checkPlugin(value: unknown, where: string): Plugin {
  const problem = problemOf(value);
  if (problem === undefined) return value as Plugin;
  throw new MoepressError('PLUGIN_INVALID', {
    message: problem,
    where,
    hint: 'Report this to the author of the plugin; docs/plugins.md says what each field is.',
  });
}

function problemOf(value: unknown): string | undefined {
  const plugin = value as Readonly<Record<string, unknown>> | null | undefined;
  if (typeof plugin !== 'object' || plugin === null || typeof plugin.name !== 'string') {
    return 'The package has no plugin as its default export: the result of definePlugin() was wanted.';
  }
  const other = Object.keys(plugin).find((key) => key !== 'name' && !Object.hasOwn(lists, key));
  if (other !== undefined) {
    return `The plugin "${plugin.name}" has a field "${other}": one of ${Object.keys(lists).join(', ')} was wanted.`;
  }
  for (const [list, fields] of Object.entries(lists)) {
    const problem = listProblem(plugin[list] ?? [], list, fields);
    if (problem !== undefined) return `In the plugin "${plugin.name}" ${problem}`;
  }
  return undefined;
}

function listProblem(given: unknown, list: string, fields: Fields): string | undefined {
  if (!Array.isArray(given)) return `${list} is ${shown(given)}: a list was wanted.`;
  const names = new Set<unknown>();
  for (const [i, one] of given.entries()) {
    if (typeof one !== 'object' || one === null)
      return `${list}[${i}] is ${shown(one)}: an object was wanted.`;
    for (const [name, { wanted, isRight, isOptional }] of Object.entries(fields)) {
      const value: unknown = one[name];
      if (isRight(value) || (isOptional && value === undefined)) continue;
      return `${list}[${i}].${name} is ${value === undefined ? 'missing' : shown(value)}: ${wanted} was wanted.`;
    }
    const own = one.name ?? one.modelType ?? one.task ?? one.group;
    if (typeof own !== 'string') return `${list}[${i}] has no name: a text was wanted.`;
    if (names.has(own)) return `${list} holds two that are called "${own}": one of each name was wanted.`;
    names.add(own);
  }
  return undefined;
}
