import type { ArchitectureManifest } from './manifest.js';
import { llamaStyleNames } from './names.js';
import { denseFfn, optionalBias, plainAttention } from './traits.js';

/** Llama 2 and 3, and what calls itself so: nothing special anywhere. */
export const llama: ArchitectureManifest = {
  modelType: 'llama',
  title: 'Llama',
  className: 'LlamaForCausalLM',
  keys: null,
  attention: { ...plainAttention, ...optionalBias },
  router: null,
  ffn: denseFfn,
  tensors: llamaStyleNames,
};
