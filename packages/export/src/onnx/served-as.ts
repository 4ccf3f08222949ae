import { type Block, hasAttention, isRecurrent, type Model } from '@moepress/core';

/** What a config.json says to transformers.js, which tells by it how caches are called. */
export interface ServedAs {
  readonly model_type: string;
  readonly architectures: readonly [string];
  readonly layer_types?: readonly string[];
}

/**
 * Model types that transformers.js 4 generates with and whose caches are keys and values of each layer, with the classes of
 * transformers. Any other model of this kind says that it is of the first: what such a model computes is in the graph, and the
 * class only feeds it.
 */
const byKeysAndValues: Readonly<Record<string, string>> = {
  llama: 'LlamaForCausalLM',
  afmoe: 'AfmoeForCausalLM',
  cohere2: 'Cohere2ForCausalLM',
  deepseek_v3: 'DeepseekV3ForCausalLM',
  ernie4_5: 'Ernie4_5ForCausalLM',
  gpt_oss: 'GptOssForCausalLM',
  granite: 'GraniteForCausalLM',
  hunyuan_v1_dense: 'HunYuanDenseV1ForCausalLM',
  llama4_text: 'Llama4ForCausalLM',
  mistral: 'MistralForCausalLM',
  mistral4: 'Mistral4ForCausalLM',
  olmo2: 'Olmo2ForCausalLM',
  qwen2: 'Qwen2ForCausalLM',
  qwen2_moe: 'Qwen2MoeForCausalLM',
  qwen3: 'Qwen3ForCausalLM',
  qwen3_moe: 'Qwen3MoeForCausalLM',
  solar_open: 'SolarOpenForCausalLM',
};

/** The same with state spaces: those that have them, which call other layers `attention`. */
const byStateSpaces: Readonly<Record<string, string>> = {
  nemotron_h: 'NemotronHForCausalLM',
  granitemoehybrid: 'GraniteMoeHybridForCausalLM',
};

/** A family of transformers.js whose caches have the names of those of a model; by its own name where that is one. */
export function servedAs({ blocks, architecture }: Pick<Model, 'blocks' | 'architecture'>): ServedAs {
  const of = (classes: Readonly<Record<string, string>>) => {
    const type = architecture in classes ? architecture : Object.keys(classes)[0]!;
    return { model_type: type, architectures: [classes[type]!] as const };
  };
  const types = (named: (block: Block) => string) => ({ layer_types: blocks.map(named) });
  const recurrences = new Set(blocks.filter(isRecurrent).map(({ attention }) => attention.kind));
  if (recurrences.has('state-space')) {
    return {
      ...of(byStateSpaces),
      ...types((block) => (isRecurrent(block) ? 'mamba' : hasAttention(block) ? 'attention' : 'mlp')),
    };
  }
  if (recurrences.size > 0) {
    return {
      model_type: 'qwen3_next',
      architectures: ['Qwen3NextForCausalLM'],
      ...types((block) => (isRecurrent(block) ? 'linear_attention' : 'full_attention')),
    };
  }
  return of(byKeysAndValues);
}
