import type { QuantisedFormat } from '@moepress/core';
import { modelOptNvfp4, mxfp4Pairs, nvfp4 } from './four-bit-floats.js';
import { awq, gptq } from './input-major.js';
import { naive } from './naive.js';
import { packedWords } from './packed-words.js';
import { squares } from './squares.js';
import { stacks } from './stacks.js';
import type { WeightFormat } from './weight-format.js';

/** All ways in which files hold quantised weights. */
export const weightFormats: Readonly<Record<QuantisedFormat, WeightFormat>> = {
  mxfp4: stacks,
  fp8: squares,
  'pack-quantized': packedWords,
  'naive-quantized': naive,
  'nvfp4-pack-quantized': nvfp4,
  'mxfp4-pack-quantized': mxfp4Pairs,
  'modelopt-nvfp4': modelOptNvfp4,
  awq,
  gptq,
};

export { holds, type WeightFiles, type WeightFormat } from './weight-format.js';
