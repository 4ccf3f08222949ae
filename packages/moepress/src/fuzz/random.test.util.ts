import { createHash } from 'node:crypto';
import { createRng } from '@moepress/core';

/** Choices that are the same for the same case, whatever ran before it. */
export interface Random {
  /** 0 to below `n`. */
  below(n: number): number;
  chance(probability: number): boolean;
  pick<Item>(items: readonly Item[]): Item;
}

/** The choices of case number `index` of a target. */
export function randomOf(target: string, seed: number, index: number): Random {
  const digest = createHash('sha256').update(`${target} ${seed} ${index}`).digest();
  const rng = createRng(digest.readUInt32LE(0));
  const below = (n: number) => Math.floor(rng.next() * n);
  return {
    below,
    chance: (probability) => rng.next() < probability,
    pick: (items) => items[below(items.length)]!,
  };
}
