import { MoepressError } from '@moepress/core';
import { LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { readText } from './text.js';

/** What a YAML file holds, and where each of its parts stands: `recipe.yaml:12`. */
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
  const { success, data, error } = schema.safeParse(document.toJS());
  if (success) return { data, whereIs };
  const { path, message } = innermost(error.issues[0]!);
  throw new MoepressError('INPUT_INVALID', {
    message: `${path.join('.') || whole}: ${message}.`,
    where: whereIs(path),
    mend: 'Correct the line.',
  });
}

/** Of a union, what was wrong with the alternative that came closest: the last. */
function innermost(issue: z.core.$ZodIssue): z.core.$ZodIssue {
  const inner = issue.code === 'invalid_union' ? issue.errors.at(-1)?.[0] : undefined;
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
  return new MoepressError(cause.code, { message: cause.message, mend: cause.mend, where, cause });
}
