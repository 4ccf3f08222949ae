import { definePlugin } from '@moepress/core';
import { denseWidth } from './dense-width.js';
import { expertFisher, frequency, random, reap } from './scorers.js';

export { type DenseWidthOptions, denseWidth } from './dense-width.js';
export { expertFisher, frequency, random, reap } from './scorers.js';

export default definePlugin({
  name: 'baselines',
  scorers: [random, frequency, reap, expertFisher],
  compressors: [denseWidth],
});
