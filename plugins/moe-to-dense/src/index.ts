import { definePlugin } from '@moepress/core';
import { moeToDense } from './compressor.js';
import { distil } from './distil/refiner.js';

export { moeToDense } from './compressor.js';
export { type DistilOptions, distil } from './distil/refiner.js';
export type { MoeToDenseOptions } from './options.js';
export { scorers } from './scoring/scorers.js';

export default definePlugin({
  name: 'moe-to-dense',
  compressors: [moeToDense],
  refiners: [distil],
});
