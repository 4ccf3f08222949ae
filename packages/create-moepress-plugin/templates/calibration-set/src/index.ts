import { definePlugin, type TextSet } from '@moepress/core';

const animals = ['bee', 'cat', 'dog', 'fox', 'owl'];
const places = ['garden', 'forest', 'kitchen', 'meadow'];

/**
 * Texts to measure on. Replace them by what your model is for; a set may also come from a dataset of the Hub:
 * `documents: ({ column }) => column({ dataset: 'owner/name', config: 'default', split: 'train', column: 'text' })`.
 */
export const exampleName: TextSet = {
  specVersion: 1,
  name: 'example-name',
  title: 'Example name: short texts about animals',
  reference: 'Made up here; free for every use.',
  *documents() {
    for (const animal of animals) {
      for (const place of places) {
        yield `A ${animal} lives in the ${place}. In the evening the ${animal} leaves the ${place} to look for food, and comes back before dark.`;
      }
    }
  },
};

export default definePlugin({ name: 'example-name', calibrationSets: [exampleName] });
