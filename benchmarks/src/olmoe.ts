import { existsSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TensorEntry, writeSafetensors } from '@moepress/checkpoint';
import { createRng, elementCount, type Work } from '@moepress/core';

export interface OlmoeSizes {
  readonly hidden: number;
  readonly intermediate: number;
  readonly experts: number;
  readonly heads: number;
  readonly vocabulary: number;
}

/** Of allenai/OLMoE-1B-7B-0125. */
const original: OlmoeSizes = { hidden: 2048, intermediate: 1024, experts: 64, heads: 16, vocabulary: 50304 };

/**
 * Writes a random bf16 checkpoint with as many layers as asked for, by default with the shapes of
 * OLMoE-1B-7B (842 MB a layer), unless `directory` has one already.
 */
export async function writeOlmoe(
  directory: string,
  layers: number,
  sizes: OlmoeSizes = original,
  work: Work = {},
): Promise<void> {
  if (existsSync(join(directory, 'config.json'))) return;
  const partial = `${directory}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  await writeSafetensors(join(partial, 'model.safetensors'), [...tensors(layers, sizes)], work);
  await writeFile(join(partial, 'config.json'), JSON.stringify(config(layers, sizes), null, 2));
  await rename(partial, directory);
}

function config(layers: number, { hidden, intermediate, experts, heads, vocabulary }: OlmoeSizes) {
  return {
    architectures: ['OlmoeForCausalLM'],
    model_type: 'olmoe',
    hidden_act: 'silu',
    hidden_size: hidden,
    intermediate_size: intermediate,
    max_position_embeddings: 4096,
    norm_topk_prob: false,
    num_attention_heads: heads,
    num_key_value_heads: heads,
    num_experts: experts,
    num_experts_per_tok: 8,
    num_hidden_layers: layers,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
    tie_word_embeddings: false,
    eos_token_id: vocabulary - 25,
    torch_dtype: 'bfloat16',
    vocab_size: vocabulary,
  };
}

function* tensors(
  layers: number,
  { hidden, intermediate, experts, vocabulary }: OlmoeSizes,
): Generator<TensorEntry> {
  const noise = bf16Noise();
  const matrix = (name: string, ...shape: number[]) => entry(name, shape, noise);
  const ones = new Uint16Array(hidden).fill(0x3f80);
  const norm = (name: string) => entry(name, [hidden], ones);
  yield matrix('model.embed_tokens.weight', vocabulary, hidden);
  for (let l = 0; l < layers; l++) {
    const layer = `model.layers.${l}`;
    yield norm(`${layer}.input_layernorm.weight`);
    yield norm(`${layer}.post_attention_layernorm.weight`);
    for (const part of ['q', 'k', 'v', 'o'])
      yield matrix(`${layer}.self_attn.${part}_proj.weight`, hidden, hidden);
    for (const part of ['q', 'k']) yield norm(`${layer}.self_attn.${part}_norm.weight`);
    yield matrix(`${layer}.mlp.gate.weight`, experts, hidden);
    for (let e = 0; e < experts; e++) {
      const expert = `${layer}.mlp.experts.${e}`;
      yield matrix(`${expert}.gate_proj.weight`, intermediate, hidden);
      yield matrix(`${expert}.up_proj.weight`, intermediate, hidden);
      yield matrix(`${expert}.down_proj.weight`, hidden, intermediate);
    }
  }
  yield norm('model.norm.weight');
  yield matrix('lm_head.weight', vocabulary, hidden);
}

/** A megabyte of small random bf16 numbers, told apart from tensor to tensor by where it is cut. */
function bf16Noise(): Uint16Array {
  const rng = createRng(0);
  const floats = Float32Array.from({ length: 1 << 19 }, () => (rng.next() - 0.5) * 0.07);
  return Uint16Array.from(new Uint32Array(floats.buffer), (bits) => bits >>> 16);
}

function entry(name: string, shape: number[], pattern: Uint16Array): TensorEntry {
  return {
    name,
    dtype: 'BF16',
    shape,
    *bytes() {
      let left = elementCount(shape);
      let start =
        left === pattern.length
          ? 0
          : [...name].reduce((sum, c) => sum + 7919 * c.charCodeAt(0), 0) % pattern.length;
      while (left > 0) {
        const part = pattern.subarray(start, Math.min(pattern.length, start + left));
        yield new Uint8Array(part.buffer, part.byteOffset, part.byteLength);
        left -= part.length;
        start = 0;
      }
    },
  };
}
