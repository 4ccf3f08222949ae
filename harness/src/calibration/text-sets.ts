import { type MethodOrigin, MoepressError, type TextColumn, type TextSet, type Work } from '@moepress/core';

interface Registered {
  readonly set: TextSet;
  readonly origin: MethodOrigin;
}

const registered = new Map<string, Registered>();

/** Names that plugins declare, which are loaded when one of them is asked for. */
const announced = new Set<string>();

/** Makes names known that errors may suggest, though nothing of them is loaded. */
export function announceTextSets(names: readonly string[]): void {
  for (const name of names) announced.add(name);
}

/** Names of the sets that plugins brought, and of those that they only declare. */
export const textSetNames = (): string[] => [...new Set([...registered.keys(), ...announced])];

/** Whether a set was brought, and can be read. */
export const hasTextSet = (name: string): boolean => registered.has(name);

/**
 * Makes calibration sets of a plugin known by their names in this process. Throws `PLUGIN_INVALID` for a name that another set
 * has; `taken` are those that come with moepress.
 */
export function registerTextSets(
  sets: readonly TextSet[],
  origin: MethodOrigin,
  taken: readonly string[] = [],
): void {
  for (const set of sets) {
    const earlier = registered.get(set.name);
    const isOther = earlier !== undefined && earlier.origin.package !== origin.package;
    if (isOther || taken.includes(set.name)) {
      throw new MoepressError('PLUGIN_INVALID', {
        message: `The calibration set "${set.name}" of ${origin.package} has the name of one of ${earlier?.origin.package ?? 'moepress'}.`,
        where: placeOf(origin),
        hint: 'Use one of the two plugins, or have the author rename the set.',
      });
    }
    registered.set(set.name, { set, origin });
  }
}

/** Reads the documents of a set; null if none of that name was registered. Throws `PLUGIN_INVALID`, and what reading datasets throws. */
export async function readTextSet(
  name: string,
  columnOf: (column: TextColumn) => Promise<readonly string[]>,
  work: Work,
): Promise<string[] | null> {
  const found = registered.get(name);
  if (!found) return null;
  const { set, origin } = found;
  const documents: string[] = [];
  try {
    for await (const document of await set.documents({ ...work, column: columnOf })) {
      if (typeof document !== 'string') throw new TypeError(`document ${documents.length} is not a text`);
      documents.push(document);
    }
  } catch (cause) {
    const isAbort = cause instanceof Error && cause.name === 'AbortError';
    if (isAbort || MoepressError.isInstance(cause)) throw cause;
    throw new MoepressError('PLUGIN_INVALID', {
      message: `The calibration set "${name}" failed: ${cause instanceof Error ? cause.message : String(cause)}`,
      where: placeOf(origin),
      hint: 'Report this to the author of the plugin.',
      cause,
    });
  }
  return documents;
}

const placeOf = ({ package: name, version }: MethodOrigin): string => `${name} ${version}`;
