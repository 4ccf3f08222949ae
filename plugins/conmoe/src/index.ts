import { definePlugin } from '@moepress/core';
import { conmoe } from './compressor.js';

export { type ConMoeOptions, conmoe } from './compressor.js';

export default definePlugin({ name: 'conmoe', compressors: [conmoe] });
