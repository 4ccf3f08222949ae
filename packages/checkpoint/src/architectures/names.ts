import type { MlpNames, TensorNames } from './manifest.js';

const layer = 'model.layers.{layer}';

const mlp = (stem: string): MlpNames => ({
  gate: `${stem}.gate_proj.weight`,
  up: `${stem}.up_proj.weight`,
  down: `${stem}.down_proj.weight`,
});

/** The names that Llama began and most families kept. */
export const llamaStyleNames: TensorNames = {
  embed: 'model.embed_tokens.weight',
  finalNorm: 'model.norm.weight',
  head: 'lm_head.weight',
  attentionNorm: `${layer}.input_layernorm.weight`,
  ffnNorm: `${layer}.post_attention_layernorm.weight`,
  query: `${layer}.self_attn.q_proj`,
  key: `${layer}.self_attn.k_proj`,
  value: `${layer}.self_attn.v_proj`,
  output: `${layer}.self_attn.o_proj`,
  queryNorm: `${layer}.self_attn.q_norm.weight`,
  keyNorm: `${layer}.self_attn.k_norm.weight`,
  router: `${layer}.mlp.gate.weight`,
  expert: mlp(`${layer}.mlp.experts.{expert}`),
  dense: mlp(`${layer}.mlp`),
  shared: mlp(`${layer}.mlp.shared_expert`),
  sharedGate: `${layer}.mlp.shared_expert_gate.weight`,
};
