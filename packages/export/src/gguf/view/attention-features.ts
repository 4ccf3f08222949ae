import type { Attention, GroupedQueryAttention, Model, Recurrence, Rope } from '@moepress/core';
import type { Feature } from '../architectures/feature-texts.js';

/** What the token mixers of a view compute. */
export function* attentionFeatures({ blocks }: Model): Generator<Feature> {
  for (const { attention, ffn } of blocks) {
    if (attention.kind === 'none' || ffn.kind === 'none') yield 'single-parts';
    if (attention.kind === 'none') continue;
    if (attention.kind === 'gqa') yield* grouped(attention);
    else if (attention.kind === 'mla') {
      yield 'latent';
      yield* common(attention);
      if (attention.unrotated) yield 'unrotated-layers';
      if (attention.indexer) yield 'indexer';
      const { q, kvDown, kvUp, o } = attention;
      const linears = [q.up, kvDown.linear, kvUp, o, ...(q.down ? [q.down.linear] : [])];
      if (linears.some(({ bias }) => bias !== null)) yield 'latent-bias';
    } else yield* recurrence(attention);
  }
  yield* differences(blocks.flatMap(({ attention }) => (attention.kind === 'gqa' ? [attention] : [])));
}

function* recurrence(mixer: Recurrence): Generator<Feature> {
  if (mixer.kind !== 'gated-delta-rule') yield mixer.kind;
  else yield mixer.input.layout === 'channelwise' ? 'channelwise-delta-rule' : 'gated-delta-rule';
  if (mixer.kind === 'gated-delta-rule' && mixer.keyDim !== mixer.valueDim) yield 'uneven-delta-heads';
  if (mixer.kind === 'short-convolution' && (mixer.convolution.bias || mixer.input.bias || mixer.o.bias)) {
    yield 'convolution-bias';
  }
}

function* common({ rope, scale, headDim, queryScaling }: Attention): Generator<Feature> {
  const { scaling } = rope;
  if (scaling) yield scalings[scaling.kind];
  // Latent attention may have the factors of YaRN in its scale, which files of it can tell.
  const isPlain = Math.abs(scale * Math.sqrt(headDim) - 1) < 1e-6;
  if (!isPlain && scaling?.kind !== 'yarn') yield 'attention-scale';
  if (queryScaling) yield 'query-scaling';
}

const scalings: Readonly<Record<NonNullable<Rope['scaling']>['kind'], Feature>> = {
  linear: 'linear-scaling',
  dynamic: 'dynamic-scaling',
  yarn: 'yarn-scaling',
  llama3: 'llama3-scaling',
  longrope: 'long-scaling',
  proportional: 'proportional-scaling',
};

function* grouped(attention: GroupedQueryAttention): Generator<Feature> {
  yield* common(attention);
  const { q, v, o, qkNorm, rope, headDim, valueDim, valueScale } = attention;
  if (q.bias) yield 'qkv-bias';
  if (o.bias) yield 'output-bias';
  if (qkNorm?.afterRotation) yield 'late-norms';
  if (qkNorm?.q === null) yield 'weightless-norms';
  else if (qkNorm) yield qkNorm.over === 'head' ? 'head-norms' : 'projection-norms';
  if (attention.valueNorm) yield 'value-norms';
  if (v === null) yield 'keys-as-values';
  if (valueDim !== undefined && valueDim !== headDim) yield 'value-width';
  if (valueScale !== undefined && valueScale !== 1) yield 'value-factor';
  if (attention.clip !== null) yield 'clipping';
  if (attention.sinks) yield 'sinks';
  if (attention.window !== null) yield attention.chunked ? 'chunks' : 'windows';
  if (attention.unrotated) yield 'unrotated-layers';
  else if (rope.dim !== headDim) yield 'partial-rotation';
  if (attention.outputGate) yield 'query-gates';
  if (attention.gate) yield 'attention-gates';
}

function* differences(layers: readonly GroupedQueryAttention[]): Generator<Feature> {
  const kinds = (of: (attention: GroupedQueryAttention) => unknown) =>
    new Set(layers.map((attention) => JSON.stringify(of(attention)))).size;
  if (kinds(({ kvHeads, headDim, valueDim }) => [kvHeads, headDim, valueDim]) > 1) yield 'differing-heads';
  const rotating = layers.filter(({ unrotated }) => !unrotated);
  if (new Set(rotating.map(({ rope }) => JSON.stringify(rope))).size > 1) yield 'differing-rotations';
}
