import { expect, it } from 'vitest';
import { applyFilters } from '../metrics/answer-filters.js';
import { exactMatch } from '../metrics/metrics.js';
import type { ExactMatch } from './metric-schema.js';
import { findTaskOrGroup, taskNames } from './registry.js';
import type { GenerationTask } from './task-schema.js';

/** What makes expressions that go back slow: much of what they repeat, and never the end. */
const floods = ['7', '#### ', '####', 'The answer is ', '1,', '$', '.', ' ', '\n', 'a ', '-', '7.\n'].map(
  (part) => part.repeat(Math.ceil(200_000 / part.length)),
);

const generating = taskNames()
  .map((name) => findTaskOrGroup(name))
  .filter((task): task is GenerationTask => 'output_type' in task && task.output_type === 'generate_until');

it.each(generating)('$task takes linear time, whatever is answered', ({ filter_list, metric_list }) => {
  for (const flood of floods) {
    for (const pipeline of filter_list) expect(typeof applyFilters(pipeline, [flood])).toBe('string');
    for (const metric of metric_list) expect(exactMatch(flood, `x${flood}y`, metric as ExactMatch)).toBe(0);
  }
});
