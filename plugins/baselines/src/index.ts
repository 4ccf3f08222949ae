import { definePlugin } from '@moepress/core';
import { camera } from './channels/camera.js';
import { stun } from './clusters/stun.js';
import { denseWidth } from './dense-width.js';
import { easyEp } from './easy-ep.js';
import { grape } from './grape.js';
import { hcSmoe } from './hc-smoe.js';
import { layerDrop } from './layer-drop.js';
import { mSmoe } from './m-smoe.js';
import { mone } from './mone.js';
import { moneScore } from './mone-score.js';
import { ean, man, msan, reapL2, seer } from './norm-scorers.js';
import { expertFisher, frequency, random, reap } from './scorers.js';
import { naee } from './subsets/naee.js';
import { topK } from './top-k.js';

export { type CameraOptions, camera } from './channels/camera.js';
export { type StunOptions, stun } from './clusters/stun.js';
export { type DenseWidthOptions, denseWidth } from './dense-width.js';
export { easyEp } from './easy-ep.js';
export { grape } from './grape.js';
export { type HcSmoeOptions, hcSmoe } from './hc-smoe.js';
export { type LayerDropOptions, layerDrop } from './layer-drop.js';
export { type MSmoeOptions, mSmoe } from './m-smoe.js';
export { type MoneOptions, mone } from './mone.js';
export { moneScore } from './mone-score.js';
export { ean, man, msan, reapL2, seer } from './norm-scorers.js';
export { expertFisher, frequency, random, reap } from './scorers.js';
export { type NaeeOptions, naee } from './subsets/naee.js';
export { type TopKOptions, topK } from './top-k.js';

export default definePlugin({
  name: 'baselines',
  scorers: [random, frequency, seer, ean, man, msan, reap, reapL2, easyEp, moneScore, expertFisher],
  compressors: [naee, stun, camera, denseWidth, hcSmoe, mSmoe, mone, topK, layerDrop],
  budgets: [grape],
});
