import { attentionBlocks, type Block, type GroupedQueryAttention, type Model } from '@moepress/core';
import type { LayerRule } from '../architectures/gguf-architecture.js';

interface Rule {
  /** The words for it in a message. */
  readonly text: string;
  readonly holds: (model: Model) => boolean;
}

const grouped = (model: Model): readonly (readonly [number, GroupedQueryAttention])[] =>
  model.blocks.flatMap(({ index, attention }) =>
    attention.kind === 'gqa' ? [[index, attention] as const] : [],
  );

const isFourth = (index: number) => (index + 1) % 4 === 0;
const hasAttention = ({ attention }: Block) => attention.kind === 'gqa' || attention.kind === 'mla';

const rules: Readonly<Record<LayerRule, Rule>> = {
  'windows-on-even': {
    text: 'a window in every other layer from the first one on, and in no others',
    holds: (model) => grouped(model).every(([index, { window }]) => (window !== null) === (index % 2 === 0)),
  },
  'fourth-is-full': {
    text: 'neither window nor rotation in every fourth layer, and both in the others',
    holds: (model) =>
      grouped(model).every(
        ([index, { window, unrotated = false }]) =>
          (window === null) === isFourth(index) && unrotated === isFourth(index),
      ),
  },
  'rotated-are-windowed': {
    text: 'a window in the layers that are rotated, and in no others',
    holds: (model) =>
      grouped(model).every(([, { window, unrotated = false }]) => (window === null) === unrotated),
  },
  lite: {
    text: 'a latent of queries, or 26 or 27 layers',
    holds: (model) =>
      attentionBlocks(model).every(
        ({ attention }) => attention.kind === 'mla' && attention.q.down !== null,
      ) || [26, 27].includes(model.blocks.length),
  },
  'own-keys': {
    text: 'as many heads of keys as of queries',
    holds: (model) => grouped(model).every(([, { heads, kvHeads }]) => heads === kvHeads),
  },
  'fourth-is-attention': {
    text: 'attention in every fourth layer, and in no others',
    holds: ({ blocks }) => blocks.every((block) => hasAttention(block) === isFourth(block.index)),
  },
};

/** What a view lacks of what an architecture has in its layers, in words; null if it lacks nothing. */
export function layersLacking(model: Model, rule: LayerRule | undefined): string | null {
  if (rule === undefined || rules[rule].holds(model)) return null;
  return rules[rule].text;
}
