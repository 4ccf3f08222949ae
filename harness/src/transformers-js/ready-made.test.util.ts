import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  add,
  concat,
  encodeModel,
  GraphBuilder,
  gather,
  matmul,
  reduceSum,
  squeeze,
  unsqueeze,
} from '@moepress/graph';

/** Tokens of the toy tokenizers: three special ones and bytes. */
const vocabSize = 259;
const width = 8;

/** Numbers between -1 and 1 that look random and are always the same. */
const numbers = (count: number, seed: number) =>
  Array.from({ length: count }, (_, i) => Math.fround(Math.sin((i + 1) * 12.9898 + seed) * 0.9));
const embedding = numbers(vocabSize * width, 1);
const head = numbers(width * vocabSize, 2);

/** Logits after a token, by the same rule: the sum of all embeddings so far, times the head. */
export function logitsAfter(ids: readonly number[]): number[] {
  const state = Array.from({ length: width }, (_, d) =>
    ids.reduce((sum, id) => sum + embedding[id * width + d]!, 0),
  );
  return Array.from({ length: vocabSize }, (_, v) =>
    state.reduce((sum, value, d) => sum + value * head[d * vocabSize + v]!, 0),
  );
}

/**
 * Writes a decoder as such are exported for transformers.js. What it carries from token to token is in a cache of
 * keys and values like that of attention: a cache that is mixed up changes every later token.
 */
export function writeReadyMade(folder: string, file = 'onnx/model.onnx', config: object = {}): void {
  mkdirSync(join(folder, dirname(file)), { recursive: true });
  writeFileSync(join(folder, file), decoder());
  const described = {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    hidden_size: width,
    num_attention_heads: 1,
    num_key_value_heads: 1,
    num_hidden_layers: 1,
    vocab_size: vocabSize,
    max_position_embeddings: 64,
    eos_token_id: 0,
    ...config,
  };
  writeFileSync(join(folder, 'config.json'), JSON.stringify(described));
}

function decoder(): Uint8Array {
  const graph = new GraphBuilder('decoder');
  const ids = graph.input('input_ids', 'int64', ['batch_size', 'sequence_length']);
  const [keys, values] = ['key', 'value'].map((part) =>
    graph.input(`past_key_values.0.${part}`, 'float32', ['batch_size', 1, 'past_sequence_length', width]),
  );
  const table = graph.constant(embedding, [vocabSize, width], 'float32');
  const own = unsqueeze(gather(table, ids), 1);
  const before = reduceSum(values!, [2], true);
  const axis = graph.constant([2], [], 'int64');
  const states = add(graph.op('CumSum', [own, axis]), before);
  graph.output('logits', matmul(squeeze(states, 1), graph.constant(head, [width, vocabSize], 'float32')));
  graph.output('present.0.key', concat([keys!, own], 2));
  graph.output('present.0.value', concat([values!, own], 2));
  return encodeModel(graph.finish());
}
