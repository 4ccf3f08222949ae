import type { Work } from '@moepress/core';
import type { Prompt } from './language-model.js';

/** Prompts with equal stops and length are generated together; answers come in the order of the prompts. */
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

function generationKey({ until, maxGenTokens }: Prompt): string {
  return JSON.stringify([until, maxGenTokens]);
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
