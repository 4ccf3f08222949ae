import type { ArchitectureManifest } from './manifest.js';
import { llamaStyleNames } from './names.js';
import { denseFfn, optionalBias, plainAttention } from './traits.js';

/** Qwen3: query and key norms over each head. */
export const qwen3: ArchitectureManifest = {
  modelType: 'qwen3',
  title: 'Qwen3',
  className: 'Qwen3ForCausalLM',
  keys: null,
  attention: { ...plainAttention, ...optionalBias, qkNorm: 'head' },
  router: null,
  ffn: denseFfn,
  tensors: llamaStyleNames,
};
