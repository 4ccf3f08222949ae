import { join } from 'node:path';
import { openModel, type TensorEntry } from '@moepress/checkpoint';
import { type Block, type Model, moeBlocks } from '@moepress/core';
import { ModelRunner } from '@moepress/runtime';
import { gflops, walks } from '../flops.js';
import { randomTensors, writeCheckpoint } from '../random.js';

/** Half the width of Qwen3-Next, with heads of its size. */
const sizes = { hidden: 1024, keyHeads: 8, valueHeads: 16, dim: 128, heads: 8, kvHeads: 1, headDim: 256 };
const ffn = { experts: 8, topK: 2, width: 512 };
const vocabulary = 512;
const layers = 4;
const lengths = [512, 2048, 8192] as const;

/**
 * Prefill of one text by layers with a gated delta rule alone, whose cost is to be linear in the tokens, and, of 512 tokens, by
 * layers with softmax attention alone: seconds a token, and products a second.
 */
export async function deltaRuleSuite(folder: string): Promise<void> {
  const directory = join(folder, 'qwen3-next-half');
  await writeCheckpoint(directory, config(), tensors());
  const model = await openModel(directory);
  const delta = only(model, 'gated-delta-rule');
  const attention = only(model, 'gqa');
  console.log(`gated delta rule, ${delta.blocks.length} layers`);
  const perToken = new Map<number, number>();
  for (const length of lengths) {
    const seconds = await timePrefill(delta, length);
    perToken.set(length, seconds / length);
    console.log(`  ${length} tokens: ${speed(delta, length, seconds)}`);
  }
  const fall = 1 - perToken.get(512)! / perToken.get(8192)!;
  console.log(`  from 512 to 8,192 tokens its throughput falls by ${(100 * fall).toFixed(0)} %`);
  const seconds = await timePrefill(attention, 512);
  console.log(`softmax attention, 1 layer, 512 tokens: ${speed(attention, 512, seconds)}`);
  const rate = (of: Model, took: number) => flopsPerToken(of, 512) / (took / 512);
  const ratio = rate(attention, seconds) / rate(delta, perToken.get(512)! * 512);
  console.log(`  a product of the delta rule's layers takes ${ratio.toFixed(2)} times as long`);
}

const speed = (model: Model, length: number, seconds: number) =>
  `${((1e6 * seconds) / length).toFixed(0)} µs a token, ${gflops((flopsPerToken(model, length) * length) / seconds)}`;

const only = (model: Model, kind: Block['attention']['kind']): Model => ({
  ...model,
  blocks: model.blocks.filter(({ attention }) => attention.kind === kind),
});

/** The shortest of three times. */
async function timePrefill(model: Model, length: number): Promise<number> {
  const runner = await ModelRunner.open(model, { residency: 'resident', workers: 1 });
  try {
    const [ids] = walks(model, 1, length + 1) as [number[]];
    const times: number[] = [];
    for (let i = 0; i < 4; i++) {
      const start = performance.now();
      await runner.score([{ ids, from: length }]);
      times.push((performance.now() - start) / 1000);
    }
    return Math.min(...times.slice(1));
  } finally {
    await runner.dispose();
  }
}

/** Multiplications and additions of the matrix products; the delta rule's by chunks of 64 tokens. */
function flopsPerToken(model: Model, length: number): number {
  const { hiddenSize: h } = model.config;
  return moeBlocks(model).reduce((sum, { attention, ffn }) => {
    const experts = (ffn.router.topK + 1) * 6 * h * ffn.pool[0]!.width + 2 * h * ffn.slots.length;
    if (attention.kind !== 'gated-delta-rule') {
      const { heads, kvHeads, headDim } = attention;
      const projections = 2 * h * headDim * (3 * heads + 2 * kvHeads);
      return sum + experts + projections + 2 * length * heads * headDim;
    }
    const { keyHeads, valueHeads, keyDim, valueDim } = attention;
    const projections = 2 * h * (2 * keyHeads * keyDim + 3 * valueHeads * valueDim + 2 * valueHeads);
    const states = 6 * valueHeads * keyDim * valueDim;
    const chunk = 64 * (4 * keyHeads * keyDim + valueHeads * (4 * valueDim + 20 * 64));
    return sum + experts + projections + states + chunk;
  }, 0);
}

function config() {
  return {
    model_type: 'qwen3_next',
    architectures: ['Qwen3NextForCausalLM'],
    vocab_size: vocabulary,
    hidden_size: sizes.hidden,
    num_hidden_layers: layers,
    num_attention_heads: sizes.heads,
    num_key_value_heads: sizes.kvHeads,
    head_dim: sizes.headDim,
    linear_num_key_heads: sizes.keyHeads,
    linear_num_value_heads: sizes.valueHeads,
    linear_key_head_dim: sizes.dim,
    linear_value_head_dim: sizes.dim,
    num_experts: ffn.experts,
    num_experts_per_tok: ffn.topK,
    moe_intermediate_size: ffn.width,
    shared_expert_intermediate_size: ffn.width,
    max_position_embeddings: 16_384,
    rope_theta: 10_000,
    torch_dtype: 'bfloat16',
  };
}

function* tensors(): Generator<TensorEntry> {
  const { matrix, norm } = randomTensors();
  const { hidden: h, keyHeads, valueHeads, dim, heads, kvHeads, headDim } = sizes;
  yield matrix('model.embed_tokens.weight', vocabulary, h);
  yield matrix('lm_head.weight', vocabulary, h);
  yield norm('model.norm.weight', h);
  for (let layer = 0; layer < layers; layer++) {
    const at = `model.layers.${layer}`;
    yield norm(`${at}.input_layernorm.weight`, h);
    yield norm(`${at}.post_attention_layernorm.weight`, h);
    if ((layer + 1) % 4 === 0) {
      yield matrix(`${at}.self_attn.q_proj.weight`, 2 * heads * headDim, h);
      for (const part of ['k', 'v'])
        yield matrix(`${at}.self_attn.${part}_proj.weight`, kvHeads * headDim, h);
      for (const part of ['q', 'k']) yield norm(`${at}.self_attn.${part}_norm.weight`, headDim);
      yield matrix(`${at}.self_attn.o_proj.weight`, h, heads * headDim);
    } else {
      const channels = (2 * keyHeads + valueHeads) * dim;
      yield matrix(`${at}.linear_attn.in_proj_qkvz.weight`, channels + valueHeads * dim, h);
      yield matrix(`${at}.linear_attn.in_proj_ba.weight`, 2 * valueHeads, h);
      yield matrix(`${at}.linear_attn.conv1d.weight`, channels, 1, 4);
      for (const part of ['A_log', 'dt_bias']) yield norm(`${at}.linear_attn.${part}`, valueHeads);
      yield norm(`${at}.linear_attn.norm.weight`, dim);
      yield matrix(`${at}.linear_attn.out_proj.weight`, h, valueHeads * dim);
    }
    yield matrix(`${at}.mlp.gate.weight`, ffn.experts, h);
    yield matrix(`${at}.mlp.shared_expert_gate.weight`, 1, h);
    const stems = ['shared_expert', ...Array.from({ length: ffn.experts }, (_, e) => `experts.${e}`)];
    for (const stem of stems) {
      for (const part of ['gate', 'up']) yield matrix(`${at}.mlp.${stem}.${part}_proj.weight`, ffn.width, h);
      yield matrix(`${at}.mlp.${stem}.down_proj.weight`, h, ffn.width);
    }
  }
}
