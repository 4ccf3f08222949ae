import { definePlugin } from '@moepress/core';
import { denseWidth } from './dense-width.js';
import { dropLowest } from './drop-lowest.js';
import { expertFisher } from './expert-fisher.js';
import { frequency, random, reap } from './scorers.js';

export { type DenseWidthOptions, denseWidth } from './dense-width.js';
export { dropLowest } from './drop-lowest.js';
export { expertFisher } from './expert-fisher.js';
export { frequency, random, reap } from './scorers.js';

const scorers = [random, frequency, reap, expertFisher];

export default definePlugin({
  name: 'baselines',
  scorers,
  compressors: [...scorers.map(dropLowest), denseWidth],
});
