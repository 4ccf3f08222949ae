import { definePlugin } from '@moepress/core';
import { fisherMoe } from './compressor.js';

export { type FisherMoeOptions, fisherMoe } from './compressor.js';
export { scorers } from './scorers.js';

export default definePlugin({
  name: 'fisher-moe',
  compressors: [fisherMoe],
});
