import { definePlugin } from '@moepress/core';
import { dropLowest } from './drop-lowest.js';
import { frequency, random, reap } from './scorers.js';

export { dropLowest } from './drop-lowest.js';
export { frequency, random, reap } from './scorers.js';

const scorers = [random, frequency, reap];

export default definePlugin({ name: 'baselines', scorers, compressors: scorers.map(dropLowest) });
