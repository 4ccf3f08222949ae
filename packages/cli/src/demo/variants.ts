/** What the demo compresses with: every method at every ratio, chance with several seeds. */
export interface Variant {
  readonly method: string;
  readonly ratio: number;
  readonly seed: number;
}

const ratios = [0.25, 0.5];
/** Random dropping varies so much between seeds that one of them means nothing. */
const randomSeeds = [0, 1, 2];

export const demoTasks = ['tiny_gsm', 'tiny_facts', 'tiny_where', 'tiny_heldout'] as const;

export const variants: readonly Variant[] = ratios.flatMap((ratio) => [
  ...['conmoe', 'reap', 'frequency'].map((method) => ({ method, ratio, seed: 0 })),
  ...randomSeeds.map((seed) => ({ method: 'random', ratio, seed })),
]);

/** As the table names it; null is the original. */
export function labelOf(variant: Variant | null): string {
  if (variant === null) return 'original';
  return variant.method === 'random' ? `random (seed ${variant.seed})` : variant.method;
}
