import { arc } from './arc.js';
import { defineTask } from './schema.js';

/** The questions that neither retrieval nor word statistics answer. */
export const arcChallenge = defineTask({ ...arc, task: 'arc_challenge', dataset_name: 'ARC-Challenge' });
