import { z } from 'zod';

/** Reports what is wrong with the first invalid item and checks none of those after it. */
function report(
  context: z.core.$RefinementCtx<unknown>,
  issues: readonly z.core.$ZodIssue[],
  at: PropertyKey,
) {
  const [{ path, message }] = issues as [z.core.$ZodIssue];
  context.addIssue({ code: 'custom', message, path: [at, ...path] });
  return z.NEVER;
}

/**
 * `z.array` that stops at the first invalid item: an untrusted file may hold millions of them, and a description of
 * each would fill the memory.
 */
export function listOf<Item extends z.ZodType>(item: Item) {
  return z.array(z.unknown()).transform((values, context): z.output<Item>[] => {
    const items: z.output<Item>[] = [];
    for (const [i, value] of values.entries()) {
      const { success, data, error } = item.safeParse(value);
      if (!success) return report(context, error.issues, i);
      items.push(data);
    }
    return items;
  });
}

/** `z.record` with strings as keys, which stops likewise; a key such as `__proto__` is treated like any other. */
export function recordOf<Item extends z.ZodType>(item: Item) {
  const isRecord = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);
  return z
    .custom<Readonly<Record<string, unknown>>>(isRecord, 'expected an object')
    .transform((values, context): ReadonlyMap<string, z.output<Item>> => {
      const items = new Map<string, z.output<Item>>();
      for (const [name, value] of Object.entries(values)) {
        const { success, data, error } = item.safeParse(value);
        if (!success) return report(context, error.issues, name);
        items.set(name, data);
      }
      return items;
    });
}
