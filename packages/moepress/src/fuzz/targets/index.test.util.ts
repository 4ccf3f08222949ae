import type { Target } from '../target.test.util.js';
import { answers } from './answers.test.util.js';
import { bodies } from './bodies.test.util.js';
import { config, headers, index, tokenizer } from './checkpoints.test.util.js';
import { parquet, rows } from './data.test.util.js';
import { gguf } from './gguf.test.util.js';
import { learned, plan } from './plans.test.util.js';
import { yaml } from './recipes.test.util.js';
import { cells, parcels, results } from './results.test.util.js';
import { templates } from './templates.test.util.js';

/** Everything that reads what strangers write. */
export const targets: readonly Target[] = [
  headers,
  gguf,
  index,
  config,
  plan,
  learned,
  tokenizer,
  rows,
  parquet,
  yaml,
  results,
  cells,
  parcels,
  templates,
  answers,
  bodies,
];
