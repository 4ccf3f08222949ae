import { attentionBlocks, type Block, hasAttention, isRecurrent, type Model } from '@moepress/core';
import type { GraphIR } from '@moepress/graph';
import { keyDimOf } from '../decoder/attention/indexer.js';
import { valueDimOf } from '../decoder/attention/value-dim.js';
import { stateSizes } from '../decoder/recurrence/mixer.js';

/** Bytes of the hidden states of the given number of tokens between two blocks. */
export const carriedBytes = ({ config }: Pick<Model, 'config'>, tokens: number): number =>
  Float32Array.BYTES_PER_ELEMENT * config.hiddenSize * tokens;

/** Bytes of keys and values of one token in all blocks. */
export const cacheBytesPerToken = (model: Pick<Model, 'blocks'>): number =>
  attentionBlocks(model).reduce(
    (sum, { attention }) =>
      sum +
      Float32Array.BYTES_PER_ELEMENT * attention.kvHeads * (keyDimOf(attention) + valueDimOf(attention)),
    0,
  );

/** Bytes of the states of all recurrent blocks for one sequence of any length. */
export const stateBytesPerSequence = ({ blocks }: Pick<Model, 'blocks'>): number =>
  blocks.filter(isRecurrent).reduce((sum, { attention }) => {
    const { state = 0, tail = 0 } = stateSizes(attention);
    return sum + Float32Array.BYTES_PER_ELEMENT * (state + tail);
  }, 0);

/** One block for each set of blocks with equal shapes, whose graphs take the same memory. */
export function distinctBlocks({ blocks }: Pick<Model, 'blocks'>): Block[] {
  return [...new Map(blocks.map((block) => [shapeOf(block), block])).values()];
}

/** Equal for blocks whose graphs take as much. */
export const shapeOf = (block: Block): string => {
  const { attention, ffn } = block;
  return JSON.stringify([
    attention.kind,
    ...(hasAttention(block)
      ? [block.attention.heads, block.attention.kvHeads, keyDimOf(block.attention)]
      : []),
    ffn.kind === 'moe' ? [ffn.pool.map(({ width }) => width), ffn.slots.length] : null,
    ffn.kind === 'dense' ? ffn.mlp.up.shape : null,
    ffn.shared?.mlp.up.shape,
  ]);
};

/** Nodes of a graph, those of branches and bodies included. */
export function nodesIn(graph: Pick<GraphIR, 'nodes'>): number {
  return graph.nodes.reduce((sum, { attributes }) => {
    const inner = Object.values(attributes).filter(
      (value): value is GraphIR => typeof value === 'object' && 'nodes' in value,
    );
    return sum + 1 + inner.reduce((nodes, part) => nodes + nodesIn(part), 0);
  }, 0);
}
