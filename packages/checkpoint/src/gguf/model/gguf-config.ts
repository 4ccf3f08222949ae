import type { JsonObject } from '../../folder/json.js';
import type { GgufFamily, GgufSizes } from './gguf-families.js';
import type { GgufMetadata } from './gguf-metadata.js';
import { scalingOf } from './rope-factors.js';

/**
 * config.json as the family of a file would have it. Throws `CHECKPOINT_INVALID` for metadata that lack something,
 * `CONFIG_UNSUPPORTED` for what is not computed here.
 */
export function ggufConfig(metadata: GgufMetadata, family: GgufFamily, sizes: GgufSizes): JsonObject {
  const own = (key: string) => metadata.own(key);
  const heads = metadata.count(own('attention.head_count'));
  const [vocabulary = 0, hidden = 0] = sizes.shapeOf('token_embd.weight');
  const headDim = metadata.count(own('attention.key_length'), heads > 0 ? hidden / heads : 0);
  const hasOwnHeads = family.ownHeads === true;
  if (!isLatent(family) && metadata.count(own('attention.value_length'), headDim) !== headDim)
    throw metadata.unsupported('Keys and values of different widths are not read');
  if (!hasOwnHeads && metadata.count(own('rope.dimension_count'), headDim) !== headDim)
    throw metadata.unsupported('Heads of which a part is rotated are not read');
  const theta = metadata.number(own('rope.freq_base'), 10_000);
  const window = metadata.count(own('attention.sliding_window'), 0);
  return {
    model_type: family.modelType,
    vocab_size: vocabulary,
    hidden_size: metadata.count(own('embedding_length')),
    num_hidden_layers: metadata.count(own('block_count')) - metadata.count(own('nextn_predict_layers'), 0),
    num_attention_heads: heads,
    num_key_value_heads: metadata.count(own('attention.head_count_kv'), heads),
    head_dim: headDim,
    intermediate_size: metadata.count(own('feed_forward_length'), 0) || hidden,
    max_position_embeddings: metadata.count(own('context_length')),
    rms_norm_eps: metadata.number(own('attention.layer_norm_rms_epsilon')),
    rope_theta: theta,
    hidden_act: 'silu',
    tie_word_embeddings: !sizes.has('output.weight'),
    ...(window > 0 && { sliding_window: window, use_sliding_window: true }),
    ...rotationScaling(metadata, family),
    ...scalingByFactors(metadata, sizes.ropeFactors, { theta, pairs: headDim / 2 }),
    ...specialIds(metadata),
    ...family.config(metadata, sizes),
  };
}

const isLatent = ({ modelType }: Pick<GgufFamily, 'modelType'>) => /^deepseek_v\d/.test(modelType);

function rotationScaling(metadata: GgufMetadata, { yarn, modelType }: GgufFamily): JsonObject {
  const own = (key: string) => metadata.own(`rope.scaling.${key}`);
  const kind = metadata.text(own('type'), 'none');
  if (kind === 'none') return {};
  const factor = metadata.number(own('factor'), 1);
  if (kind === 'linear') return factor === 1 ? {} : { rope_scaling: { rope_type: 'linear', factor } };
  if (kind !== 'yarn') throw metadata.unsupported(`The scaling "${kind}" of the rotation is not read`);
  // llama.cpp multiplies cosine and sine by 0.1 ln(factor) + 1 by itself, and by this.
  const further = metadata.number(own('attn_factor'), 1);
  if (isLatent({ modelType }) && (further !== 1 || !yarn?.mscale))
    throw metadata.unsupported(
      'A rotation by YaRN without one factor for cosine, sine and scale is not read',
    );
  return {
    rope_scaling: {
      rope_type: 'yarn',
      ...(further !== 1 && { attention_factor: further * (0.1 * Math.log(factor) + 1) }),
      factor,
      original_max_position_embeddings: metadata.count(own('original_context_length')),
      ...(metadata.has(own('yarn_beta_fast')) && { beta_fast: metadata.number(own('yarn_beta_fast')) }),
      ...(metadata.has(own('yarn_beta_slow')) && { beta_slow: metadata.number(own('yarn_beta_slow')) }),
      ...yarn,
    },
  };
}

/** Factors of frequencies beside the weights are read where they are those of Llama 3.1, and of all heads. */
function scalingByFactors(
  metadata: GgufMetadata,
  factors: GgufSizes['ropeFactors'],
  { theta, pairs }: { readonly theta: number; readonly pairs: number },
): JsonObject {
  if (factors === null) return {};
  const scaling = factors?.length === pairs ? scalingOf(factors, theta) : null;
  const isAlone = metadata.text(metadata.own('rope.scaling.type'), 'none') === 'none';
  if (scaling && (isAlone || !('rope_scaling' in scaling))) return scaling;
  throw metadata.unsupported(
    'Factors of frequencies of the rotation (rope_freqs.weight) other than those of Llama 3.1 are not read',
  );
}

/** Tokens that begin texts and end them: the end of a turn ends them, too. */
function specialIds(metadata: GgufMetadata): JsonObject {
  const id = (role: string) => {
    const key = `tokenizer.ggml.${role}_token_id`;
    return metadata.has(key) ? [metadata.count(key)] : [];
  };
  const ends = [...new Set([...id('eos'), ...id('eot')])];
  return {
    bos_token_id: id('bos')[0] ?? null,
    eos_token_id: ends.length > 1 ? ends : (ends[0] ?? null),
  };
}
