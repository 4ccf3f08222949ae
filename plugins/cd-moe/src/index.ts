import { definePlugin } from '@moepress/core';
import { cdMoe } from './compressor.js';
import { cdMoeRefiner } from './refiner.js';

export { cdMoe } from './compressor.js';
export type { CdMoeOptions } from './options.js';
export { type CdMoeRefineOptions, cdMoeRefiner } from './refiner.js';

export default definePlugin({
  name: 'cd-moe',
  compressors: [cdMoe],
  refiners: [cdMoeRefiner],
});
