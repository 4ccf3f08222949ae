import { definePlugin } from '@moepress/core';
import { denseWidth } from './dense-width.js';
import { easyEp } from './easy-ep.js';
import { moneScore } from './mone-score.js';
import { ean, man, msan, reapL2, seer } from './norm-scorers.js';
import { expertFisher, frequency, random, reap } from './scorers.js';

export { type DenseWidthOptions, denseWidth } from './dense-width.js';
export { easyEp } from './easy-ep.js';
export { moneScore } from './mone-score.js';
export { ean, man, msan, reapL2, seer } from './norm-scorers.js';
export { expertFisher, frequency, random, reap } from './scorers.js';

export default definePlugin({
  name: 'baselines',
  scorers: [random, frequency, seer, ean, man, msan, reap, reapL2, easyEp, moneScore, expertFisher],
  compressors: [denseWidth],
});
