import { deepseekV3 } from './deepseek-v3.js';
import type { ArchitectureManifest } from './manifest.js';

/** Kimi-K2: DeepSeek-V3 by another name, with code in its repository that says so. */
export const kimiK2: ArchitectureManifest = {
  ...deepseekV3,
  modelType: 'kimi_k2',
  title: 'Kimi-K2',
  // Its tokenizer's code comes with it.
  elsewhere: {},
};
