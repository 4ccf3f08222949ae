import { MoepressError, suggest } from '@moepress/core';
import { isDeeper, nestsTooDeep } from '@moepress/harness';
import { type Document, isScalar, LineCounter, parseDocument, type Scalar, visit } from 'yaml';
import { z } from 'zod';
import { readText } from './text-file.js';

/** The content of a YAML file, and the place of each of its parts: `recipe.yaml:12`. */
export interface LocatedYaml<Data> {
  readonly data: Data;
  whereIs(path: readonly PropertyKey[]): string;
}

/** Reads a YAML file. Throws `INPUT_INVALID` naming the line; `whole` is what the file is called in messages. */
export async function readYaml<Data>(
  file: string,
  schema: z.ZodType<Data>,
  whole: string,
): Promise<LocatedYaml<Data>> {
  const lines = new LineCounter();
  const text = await readText(file, 'INPUT_INVALID');
  if (text.length > maxCharacters) {
    throw noYaml(`it has more than the ${maxCharacters} characters that are read`, file);
  }
  if (nestsTooDeep(text)) throw noYaml('it nests too deep', file);
  const document = read(text, lines, file);
  const at = (offset: number) => `${file}:${lines.linePos(offset).line}`;
  const [broken] = document.errors;
  if (broken) throw noYaml(broken.message.split('\n')[0]!, at(broken.pos[0]));
  const repeated = repeatedKey(document);
  if (repeated) throw noYaml(`"${repeated.value}" is there twice`, at(repeated.range![0]));
  /** The line of a node, or of the nearest one around it. */
  const whereIs = (path: readonly PropertyKey[]): string => {
    const node = path.length === 0 ? document.contents : document.getIn(path, true);
    const range = (node as { range?: readonly number[] } | null | undefined)?.range;
    if (range) return at(range[0]!);
    return path.length === 0 ? file : whereIs(path.slice(0, -1));
  };
  return {
    data: parsed(contentOf(document, file), schema, { whole, whereIs, hint: 'Correct the line.' }),
    whereIs,
  };
}

/** Checks what a program gives in place of a file: its parts are named by their paths in `name`, such as `grid.tasks[1]`. */
export function checkData<Data>(value: unknown, schema: z.ZodType<Data>, name: string): LocatedYaml<Data> {
  const whereIs = (path: readonly PropertyKey[]) =>
    [name, ...path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))].join('');
  return { data: parsed(value, schema, { whole: name, whereIs, hint: 'Correct the value.' }), whereIs };
}

function parsed<Data>(
  value: unknown,
  schema: z.ZodType<Data>,
  {
    whole,
    whereIs,
    hint,
  }: Pick<LocatedYaml<Data>, 'whereIs'> & { readonly whole: string; readonly hint: string },
): Data {
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  const issues = error.issues.map(innermost);
  // A key that is mistyped is what is wrong, and not the one that is missing for it.
  const unknown = issues.find(({ code }) => code === 'unrecognized_keys');
  if (unknown?.code === 'unrecognized_keys') throw unknownKey(unknown, schema, { whole, whereIs });
  const { path, message } = issues[0]!;
  const what = path.join('.') || whole;
  const isMissing = valueAt(value, path) === undefined && path.length > 0;
  throw new MoepressError('INPUT_INVALID', {
    message: isMissing ? `${what} is missing.` : `${what}: ${message.replace(/^Invalid input: /, '')}.`,
    where: whereIs(path),
    hint: isMissing ? `Add ${what}${wantedBy(message)}.` : hint,
  });
}

const valueAt = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>((part, key) => (part as Record<PropertyKey, unknown> | undefined)?.[key], value);

/** `, an array`, of what zod says of a value that is not there. */
function wantedBy(message: string): string {
  const wanted = /expected (\w+), received undefined$/.exec(message)?.[1];
  if (wanted === undefined) return '';
  return wanted === 'array'
    ? ', a list'
    : wanted === 'object' || wanted === 'record'
      ? ', a map'
      : `, a ${wanted}`;
}

function unknownKey(
  { path, keys }: z.core.$ZodIssueUnrecognizedKeys,
  schema: z.ZodType,
  { whole, whereIs }: { readonly whole: string; readonly whereIs: LocatedYaml<unknown>['whereIs'] },
): MoepressError {
  const [key] = keys;
  const known = keysAt(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }), path);
  const guess = suggest(key!, known);
  return new MoepressError('INPUT_INVALID', {
    message: `${path.join('.') || whole} has no "${key}".${guess ? ` Did you mean "${guess}"?` : ''}`,
    where: whereIs([...path, key!]),
    hint: known.length === 0 ? 'Remove the key.' : `Pick from ${known.join(', ')}.`,
  });
}

interface Keyed {
  readonly properties?: Readonly<Record<string, Keyed>>;
  readonly items?: Keyed;
  readonly anyOf?: readonly Keyed[];
}

/** Names that a map at a place may have. */
function keysAt(json: unknown, path: readonly PropertyKey[]): string[] {
  let places = [json as Keyed];
  for (const key of [...path, null]) {
    places = places.flatMap((place) => [place, ...(place.anyOf ?? [])]);
    if (key === null) break;
    places = places.flatMap(
      ({ properties, items }) => (typeof key === 'number' ? items : properties?.[String(key)]) ?? [],
    );
  }
  return [...new Set(places.flatMap(({ properties }) => Object.keys(properties ?? {})))];
}

/** Far more than any recipe or grid takes; the library takes the square of it for some texts. */
const maxCharacters = 32 * 1024;

/** Lists and maps within each other, and aliases, which may make a small text a large one or one without an end. */
const most = { depth: 50, aliases: 100 };

/** Keys are compared by `repeatedKey`: the library compares each with all. */
function read(text: string, lineCounter: LineCounter, file: string): Document {
  try {
    return parseDocument(text, { lineCounter, uniqueKeys: false, prettyErrors: false });
  } catch (cause) {
    // What nests very deep overflows the library's stack.
    throw noYaml((cause as Error).message, file, cause);
  }
}

function contentOf(document: Document, file: string): unknown {
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: most.aliases });
  } catch (cause) {
    throw noYaml((cause as Error).message, file, cause);
  }
  if (!isDeeper(value, most.depth)) return value;
  throw noYaml(`it nests deeper than ${most.depth} levels, or within itself`, file);
}

function repeatedKey(document: Document): Scalar | undefined {
  let repeated: Scalar | undefined;
  visit(document, {
    Map(_, { items }) {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        if (!isScalar(key)) continue;
        if (seen.has(key.value)) {
          repeated = key;
          return visit.BREAK;
        }
        seen.add(key.value);
      }
      return undefined;
    },
  });
  return repeated;
}

function noYaml(problem: string, where: string, cause?: unknown): MoepressError {
  return new MoepressError('INPUT_INVALID', { message: `This is not valid YAML: ${problem}.`, where, cause });
}

/** For a union, the message of the alternative that came closest: the last. */
function innermost(issue: z.core.$ZodIssue): z.core.$ZodIssue {
  const closest = issue.code === 'invalid_union' ? issue.errors.at(-1) : undefined;
  const inner = closest?.find(({ code }) => code === 'unrecognized_keys') ?? closest?.[0];
  return inner ? innermost({ ...inner, path: [...issue.path, ...inner.path] }) : issue;
}

/** Runs `check`; what it throws is told of `where`. */
export function locating<Result>(where: string, check: () => Result): Result {
  try {
    return check();
  } catch (cause) {
    throw located(where, cause);
  }
}

/** The same error, told of `where`. */
export function located(where: string, cause: unknown): unknown {
  if (!MoepressError.isInstance(cause)) return cause;
  return new MoepressError(cause.code, { message: cause.message, hint: cause.hint, where, cause });
}
