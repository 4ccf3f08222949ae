import { arc } from './arc.js';
import { defineTask } from './schema.js';

/** The questions that retrieval or word statistics answer. */
export const arcEasy = defineTask({ ...arc, task: 'arc_easy', dataset_name: 'ARC-Easy' });
