import { isRecurrent, type Model } from '@moepress/core';
import { ropesOf } from './ropes.js';
import { ropeDependsOnLength } from './rotary-tables.js';

/**
 * Whether the first tokens of several sequences can be computed once for all of them: not where angles depend on how long
 * a sequence is, nor where a recurrence takes each sequence from its first token to its last.
 */
export const sharesPrefixes = (model: Pick<Model, 'config' | 'blocks'>): boolean =>
  !ropesOf(model).some(ropeDependsOnLength) && !model.blocks.some(isRecurrent);
