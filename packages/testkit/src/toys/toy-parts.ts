import { each, type Shapes } from './tensors.js';

/** A small checkpoint: its config.json, and the tensors that it stores. */
export interface ToyKind {
  /** What is special about it. */
  readonly title: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly tensors: Shapes;
}

/** Sizes of all toys: of hidden states, of the vocabulary, and of an expert. */
export const [hidden, vocabulary, expert] = [16, 48, 8] as const;

/** What the configurations of all toys say. */
export const common = {
  vocab_size: vocabulary,
  hidden_size: hidden,
  max_position_embeddings: 256,
  bos_token_id: 1,
  eos_token_id: 2,
  tie_word_embeddings: false,
  hidden_act: 'silu',
  torch_dtype: 'float32',
  rms_norm_eps: 1e-6,
  rope_theta: 10_000,
  num_attention_heads: 2,
  num_key_value_heads: 1,
};

export const ends: Shapes = {
  'model.embed_tokens.weight': [vocabulary, hidden],
  'model.norm.weight': [hidden],
};
export const head: Shapes = { 'lm_head.weight': [vocabulary, hidden] };
export const norms: Shapes = {
  'input_layernorm.weight': [hidden],
  'post_attention_layernorm.weight': [hidden],
};

export const mlp = (width: number): Shapes => ({
  'gate_proj.weight': [width, hidden],
  'up_proj.weight': [width, hidden],
  'down_proj.weight': [hidden, width],
});

export const experts = (count: number): Shapes => ({
  'gate.weight': [count, hidden],
  ...each('experts', count, () => mlp(expert)),
});

export const attention = (queries: number, values: number): Shapes => ({
  'q_proj.weight': [queries, hidden],
  'k_proj.weight': [values, hidden],
  'v_proj.weight': [values, hidden],
  'o_proj.weight': [hidden, queries],
});

export const layers = (count: number, of: (layer: number) => Shapes): Shapes =>
  each('model.layers', count, of);
