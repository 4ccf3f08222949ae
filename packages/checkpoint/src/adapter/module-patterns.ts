import { MoepressError, shown } from '@moepress/core';

/** Values by patterns of the names of modules. */
export interface PatternValues {
  /** That of the first pattern that a module's name ends with. */
  valueOf(module: string): number | undefined;
}

/** Characters of a pattern. */
const longest = 500;

/** Characters of a plain module name, which needs no pattern matching. */
const plain = /^[\w.]*$/;

/**
 * The patterns of an adapter, as PEFT looks them up: `re.match(rf"(.*\\.)?({pattern})$", module)`. They are a stranger's,
 * so they are matched by RE2, which takes linear time. Throws `CONFIG_UNSUPPORTED` for what it does not read.
 */
export async function compilePatterns(
  given: ReadonlyMap<string, number> | null | undefined,
  where: string,
): Promise<PatternValues> {
  const matchers: (readonly [(module: string) => boolean, number])[] = [];
  for (const [pattern, value] of given ?? []) matchers.push([await matcherOf(pattern, where), value]);
  const known = new Map<string, number | undefined>();
  return {
    valueOf(module) {
      if (!known.has(module)) known.set(module, matchers.find(([matches]) => matches(module))?.[1]);
      return known.get(module);
    },
  };
}

async function matcherOf(pattern: string, where: string): Promise<(module: string) => boolean> {
  const isEnd = (module: string) => module === pattern || module.endsWith(`.${pattern}`);
  if (pattern.length <= longest && plain.test(pattern)) {
    // A full stop may be any character.
    const form = new RegExp(`(?:^|\\.)${pattern}$`, 's');
    return (module) => isEnd(module) || form.test(module);
  }
  // Loaded only where it is needed: few adapters have patterns that are more than names.
  const { RE2JS } = await import('re2js');
  try {
    if (pattern.length > longest) throw new Error(`it has more than ${longest} characters`);
    const form = RE2JS.compile(`^(?:.*\\.)?(?:${pattern})$`);
    return (module) => isEnd(module) || form.matcher(module).find();
  } catch (cause) {
    throw new MoepressError('CONFIG_UNSUPPORTED', {
      message: `The pattern ${shown(pattern)} is not read: ${(cause as Error).message}.`,
      where,
      hint: 'Write it without look-around and back-references, or merge the adapter with PEFT.',
      cause,
    });
  }
}
