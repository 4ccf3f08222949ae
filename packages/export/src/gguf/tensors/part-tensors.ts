import type { FfnPartNorms, MoeFfn } from '@moepress/core';
import type { GgufArchitecture } from '../architectures/gguf-architecture.js';
import type { GgufTensor } from '../file/gguf-tensor.js';
import { mlpTensors, moeTensors } from './ffn-tensors.js';
import { one } from './named.js';

/**
 * Tensors of an FFN whose parts have norms of their own (Gemma 4): the shared expert is named as a dense FFN would be.
 */
export function partTensors(
  ffn: MoeFfn,
  { experts, shared }: FfnPartNorms,
  { stem, architecture }: { readonly stem: string; readonly architecture: GgufArchitecture },
): GgufTensor[] {
  const { input, slotScales } = ffn.router;
  return [
    one(`${stem}.ffn_norm.weight`, shared.before),
    ...(ffn.shared ? mlpTensors(ffn.shared.mlp, stem, '') : []),
    one(`${stem}.post_ffw_norm_1.weight`, shared.after),
    one(`${stem}.pre_ffw_norm_2.weight`, experts.before),
    ...moeTensors(ffn, stem, architecture),
    ...(input ? [one(`${stem}.ffn_gate_inp.scale`, input.scale)] : []),
    ...(slotScales ? [one(`${stem}.ffn_down_exps.scale`, slotScales)] : []),
    one(`${stem}.post_ffw_norm_2.weight`, experts.after),
  ];
}
