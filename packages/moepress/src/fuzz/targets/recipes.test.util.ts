import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { readRecipe } from '../../experiments/leaderboard/recipe.js';
import { combinations, factorsOf, readGrid } from '../../experiments/sweep/grid.js';
import { mutateText } from '../bytes.test.util.js';
import { mutateJson, render } from '../json.test.util.js';
import type { Target } from '../target.test.util.js';

const recipe = {
  title: 'Board',
  models: ['tiny', { id: 'org/model', revision: null }],
  tasks: ['tiny_gsm', 'tiny_facts'],
  methods: ['random', { method: 'reap', label: 'REAP', options: { x: 1 }, ratios: [0.25] }],
  ratios: [0.25, 0.5],
  calibration: ['tiny:100', 'gsm8k[train]:128x64+wikitext:2'],
  seeds: [0, 1],
  limit: 10,
};

const grid = {
  title: 'Sweep',
  model: 'tiny',
  method: 'reap',
  options: { ratio: [0.25, 0.5], seed: [1, 2], name: 'x' },
  calibration: 'tiny:100',
  tasks: ['tiny_gsm'],
  by: 'tiny_gsm',
  best: { count: 2, tasks: ['tiny_facts'] },
};

export const yaml: Target = {
  name: 'yaml',
  async prepare(folder) {
    const file = join(folder, 'file.yaml');
    return async (random) => {
      const isGrid = random.chance(0.5);
      const sound = isGrid ? grid : recipe;
      // JSON is YAML.
      const text = random.chance(0.5)
        ? mutateText(stringify(sound), random)
        : render(mutateJson(sound, random), random);
      writeFileSync(file, text);
      if (!isGrid) return readRecipe(file);
      const { data } = await readGrid(file);
      return [combinations(data).length, factorsOf(data)];
    };
  },
};
