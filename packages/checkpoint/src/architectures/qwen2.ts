import type { ArchitectureManifest } from './manifest.js';
import { llamaStyleNames } from './names.js';
import { denseFfn, plainAttention } from './traits.js';

/** Qwen1.5, Qwen2 and Qwen2.5: queries, keys and values always have biases. */
export const qwen2: ArchitectureManifest = {
  modelType: 'qwen2',
  title: 'Qwen2',
  className: 'Qwen2ForCausalLM',
  keys: null,
  attention: { ...plainAttention, qkvBias: 'always' },
  router: null,
  ffn: denseFfn,
  tensors: llamaStyleNames,
};
