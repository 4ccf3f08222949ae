import type { ArchitectureManifest } from './manifest.js';
import { llamaStyleNames } from './names.js';
import { denseFfn, plainAttention } from './traits.js';

/** Mistral: Llama with a window over all layers in its first version. */
export const mistral: ArchitectureManifest = {
  modelType: 'mistral',
  title: 'Mistral',
  className: 'MistralForCausalLM',
  keys: null,
  attention: { ...plainAttention, window: 'every-layer' },
  router: null,
  ffn: denseFfn,
  tensors: llamaStyleNames,
};
