import { join } from 'node:path';
import { openModel, type TensorEntry } from '@moepress/checkpoint';
import type { Block, Model } from '@moepress/core';
import { ModelRunner } from '@moepress/runtime';
import { headFlops, walks } from '../flops.js';
import { randomTensors, writeCheckpoint } from '../random.js';

/** Qwen3-Next as published, but for its experts: a narrow dense FFN, so that what mixes tokens is most of the work. */
const sizes = { hidden: 2048, keyHeads: 16, valueHeads: 32, dim: 128, heads: 16, kvHeads: 2, headDim: 256 };
const width = 1024;
const vocabulary = 512;
const lengths = [512, 1024, 2048, 4096, 8192] as const;
/** Times that each text is taken, after once that does not count. */
const rounds = 3;
const chunk = 64;

/**
 * Prefill of one text, every token of which is scored, by a layer with a gated delta rule and by one with softmax
 * attention: whether the delta rule's cost is linear in the tokens, and how much longer a product takes there.
 */
export async function deltaRuleSuite(folder: string): Promise<void> {
  const directory = join(folder, 'qwen3-next-mixers');
  await writeCheckpoint(directory, config(), tensors());
  const model = await openModel(directory);
  const [delta, attention] = [only(model, 'gated-delta-rule'), only(model, 'gqa')];
  console.log(
    '| tokens | delta rule, µs a token | attention, µs a token | MFLOP a token | time for a FLOP |',
  );
  console.log('| ---: | ---: | ---: | ---: | ---: |');
  const measured: { length: number; own: Times; other: Times }[] = [];
  for (const length of lengths) {
    const [own, other] = [await timePrefill(delta, length), await timePrefill(attention, length)];
    measured.push({ length, own, other });
    const mega = [delta, attention].map((of) => (flopsPerToken(of, length) / 1e6).toFixed(0));
    const ratio = ratioOf(delta, attention, { length, own, other });
    console.log(
      `| ${length} | ${spread(own, length)} | ${spread(other, length)} | ${mega.join(' and ')} | ${ratio.toFixed(2)} |`,
    );
  }
  const perToken = measured.map(({ length, own }) => own.median / length);
  const fall = 1 - perToken[0]! / perToken.at(-1)!;
  const ratios = measured.map((one) => ratioOf(delta, attention, one));
  console.log(`From 512 to 8,192 tokens the delta rule's throughput falls by ${(100 * fall).toFixed(1)} %.`);
  console.log(`A product takes at most ${Math.max(...ratios).toFixed(2)} times as long as with attention.`);
}

/** Seconds. */
interface Times {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

const spread = ({ median, least, most }: Times, length: number) => {
  const [middle, low, high] = [median, least, most].map((time) => ((1e6 * time) / length).toFixed(0));
  return `${middle} (${low} to ${high})`;
};

function ratioOf(
  delta: Model,
  attention: Model,
  { length, own, other }: { readonly length: number; readonly own: Times; readonly other: Times },
): number {
  return own.median / flopsPerToken(delta, length) / (other.median / flopsPerToken(attention, length));
}

const only = (model: Model, kind: Block['attention']['kind']): Model => ({
  ...model,
  blocks: model.blocks.filter(({ attention }) => attention.kind === kind),
});

async function timePrefill(model: Model, length: number): Promise<Times> {
  const runner = await ModelRunner.open(model, { residency: 'resident', workers: 1 });
  try {
    const [ids] = walks(model, 1, length + 1) as [number[]];
    const times: number[] = [];
    for (let i = 0; i <= rounds; i++) {
      const start = performance.now();
      await runner.score([{ ids, from: 1 }]);
      times.push((performance.now() - start) / 1000);
    }
    const sorted = times.slice(1).sort((a, b) => a - b);
    return { median: sorted[(rounds - 1) / 2]!, least: sorted[0]!, most: sorted.at(-1)! };
  } finally {
    await runner.dispose();
  }
}

/**
 * Multiplications and additions of the matrix products that a token needs. Of attention and of the products within the
 * delta rule's chunks the half that a causal mask leaves counts; how its triangular systems are solved does not.
 */
function flopsPerToken(model: Model, length: number): number {
  const { hiddenSize: h } = model.config;
  const mixers = model.blocks.reduce((sum, { attention }) => {
    if (attention.kind === 'gqa') {
      const { heads, kvHeads, headDim } = attention;
      return sum + 2 * h * headDim * (3 * heads + 2 * kvHeads) + 2 * length * heads * headDim;
    }
    if (attention.kind !== 'gated-delta-rule') throw new RangeError(`No layer here has ${attention.kind}.`);
    const { keyHeads, valueHeads, keyDim, valueDim } = attention;
    const projections = 2 * h * (2 * keyHeads * keyDim + 3 * valueHeads * valueDim + 2 * valueHeads);
    const inChunk = 2 * chunk * (keyHeads * keyDim + valueHeads * valueDim);
    return sum + projections + 6 * valueHeads * keyDim * valueDim + inChunk;
  }, 0);
  return mixers + model.blocks.length * 6 * h * width + headFlops(model);
}

function config() {
  return {
    model_type: 'qwen3_next',
    architectures: ['Qwen3NextForCausalLM'],
    vocab_size: vocabulary,
    hidden_size: sizes.hidden,
    intermediate_size: width,
    num_hidden_layers: 2,
    layer_types: ['linear_attention', 'full_attention'],
    mlp_only_layers: [0, 1],
    num_attention_heads: sizes.heads,
    num_key_value_heads: sizes.kvHeads,
    head_dim: sizes.headDim,
    linear_num_key_heads: sizes.keyHeads,
    linear_num_value_heads: sizes.valueHeads,
    linear_key_head_dim: sizes.dim,
    linear_value_head_dim: sizes.dim,
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
  for (const layer of [0, 1]) {
    const at = `model.layers.${layer}`;
    yield norm(`${at}.input_layernorm.weight`, h);
    yield norm(`${at}.post_attention_layernorm.weight`, h);
    if (layer === 1) {
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
    for (const part of ['gate', 'up']) yield matrix(`${at}.mlp.${part}_proj.weight`, width, h);
    yield matrix(`${at}.mlp.down_proj.weight`, h, width);
  }
}
