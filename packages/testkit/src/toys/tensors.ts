import { createRng } from '@moepress/core';

/** Shapes of tensors by their names. */
export type Shapes = Readonly<Record<string, readonly number[]>>;

/** The tensors of `of` for each of `count` parts, their names behind `prefix` and the number of the part. */
export function each(prefix: string, count: number, of: (index: number) => Shapes): Shapes {
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) =>
      Object.entries(of(index)).map(([name, shape]) => [`${prefix}.${index}.${name}`, shape] as const),
    ).flat(),
  );
}

/** The tensors of `of`, their names behind `prefix`. */
export const under = (prefix: string, of: Shapes): Shapes =>
  Object.fromEntries(Object.entries(of).map(([name, shape]) => [`${prefix}.${name}`, shape]));

/**
 * Numbers that depend on name and shape alone, such that hidden states neither vanish nor explode and routers choose
 * different experts for different tokens: normal, with a standard deviation of 1 / sqrt(inputs); around 1 in norms.
 */
export function toyValues(name: string, shape: readonly number[]): Float32Array {
  const count = shape.reduce((product, size) => product * size, 1);
  const seed = [...name].reduce((hash, character) => Math.imul(hash, 31) + character.charCodeAt(0), 7);
  const rng = createRng(seed >>> 0);
  // Box and Muller (1958).
  const normal = () => Math.sqrt(-2 * Math.log(1 - rng.next())) * Math.cos(2 * Math.PI * rng.next());
  const of = (): number => {
    if (name.endsWith('A_log')) return Math.log(1 + 3 * rng.next());
    if (/norm[^.]*\.weight$|\.D$/.test(name)) return 1 + 0.1 * normal();
    if (shape.length === 1) return 0.1 * normal();
    return (/gate\.weight$|router/.test(name) ? 3 : 1) * (normal() / Math.sqrt(shape.at(-1)!));
  };
  return Float32Array.from({ length: count }, of);
}
