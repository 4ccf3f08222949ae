import type { Work } from '@moepress/core';
import type { Prompt } from './language-model.js';

/**
 * Indexes in the order in which requests are run: longest first, equal lengths by their ids. The first
 * batch is then the largest, and requests that share their beginning stand together.
 */
export function longestFirst(sequences: readonly (readonly number[])[]): number[] {
  return sequences
    .map((_, index) => index)
    .sort((a, b) => compareSequences(sequences[a]!, sequences[b]!) || a - b);
}

function compareSequences(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length) return b.length - a.length;
  const differs = a.findIndex((id, i) => id !== b[i]);
  return differs < 0 ? 0 : a[differs]! - b[differs]!;
}

/** Runs the work in another order and gives the results in the original one. */
export async function inOrder<Item, Result>(
  items: readonly Item[],
  order: readonly number[],
  run: (items: Item[]) => Promise<readonly Result[]>,
): Promise<Result[]> {
  const results = await run(order.map((index) => items[index]!));
  const original = new Array<Result>(items.length);
  order.forEach((index, position) => {
    original[index] = results[position]!;
  });
  return original;
}

/** Prompts with equal stops, length and drawing are generated together; answers come in the order of the prompts. */
export async function generateInGroups(
  prompts: readonly Prompt[],
  generate: (group: readonly Prompt[], work?: Work) => Promise<readonly string[]>,
  work?: Work,
): Promise<string[]> {
  const answers = new Array<string>(prompts.length);
  for (const indexes of groupsOf(prompts.map(generationKey))) {
    const texts = await generate(
      indexes.map((index) => prompts[index]!),
      work,
    );
    indexes.forEach((index, position) => {
      answers[index] = texts[position]!;
    });
  }
  return answers;
}

function generationKey({ until, maxGenTokens, sampling }: Prompt): string {
  return JSON.stringify([until, maxGenTokens, sampling ?? null]);
}

/** Indexes of equal keys, in order of first appearance. */
function groupsOf(keys: readonly string[]): number[][] {
  const groups = new Map<string, number[]>();
  keys.forEach((key, index) => {
    const group = groups.get(key);
    if (group) group.push(index);
    else groups.set(key, [index]);
  });
  return [...groups.values()];
}
