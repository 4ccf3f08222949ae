import {
  type AttentionBlock,
  type Block,
  hasAttention,
  hasFfn,
  isRecurrent,
  type Model,
  type RecurrentBlock,
  type Value,
} from '@moepress/core';
import { type CarriedType, carriedProduct, GraphBuilder, type GraphIR, rotary } from '@moepress/graph';
import { cachedAttention } from '../decoder/attention/cached.js';
import { keyDimOf } from '../decoder/attention/indexer.js';
import { valueDimOf } from '../decoder/attention/value-dim.js';
import { embedded } from '../decoder/embedding.js';
import { moeFfn, openFfn, partsOf } from '../decoder/ffn.js';
import type { AngleInputs } from '../decoder/inputs.js';
import { capped, finalNormed } from '../decoder/lm-head.js';
import { attentionInput, ffnInputOf, withBranch } from '../decoder/residual.js';
import { weightFor } from '../decoder/weights.js';
import { reachOf } from '../tokens/reach.js';
import { ropeKey } from '../tokens/ropes.js';
import { tokenAngles, tokenQueryFactors } from './token-angles.js';
import { bySequence, sizes, type TokenInputs, tokenInputs } from './token-inputs.js';
import { tokenStates } from './token-states.js';

/**
 * A whole model as one graph that brings its weights along and is run by any program with the operators of ONNX Runtime.
 * `input_ids`, `position_ids` int64 [B, S] and `attention_mask` int64 [B, P + S] to `logits` [B, S, vocabulary]; the keys and values
 * of P tokens before these come in as `past_key_values.<layer>.key` and `.value`, [B, kvHeads, P, D], and go out with those of the
 * S new ones as `present.<layer>.key` and `.value`. Caches are in fp16 where weights are, otherwise in fp32, as logits always are.
 * What recurrences keep has other names, see `tokenStates`.
 */
export function portableGraph(model: Model, type: CarriedType): GraphIR {
  const graph = new GraphBuilder('decoder', { carries: type });
  const tokens = tokenInputs(graph);
  const angles = anglesOf(tokens);
  const choices: Value[] = [];
  let hidden = graph.scoped('embed', () => embedded(tokens.ids, model));
  for (const block of model.blocks) {
    const own = hidden;
    hidden = graph.scoped(`layers.${block.index}`, () =>
      throughBlock(own, block, { model, tokens, angles, choices }),
    );
  }
  const logits = graph.scoped('head', () => logitsOf(hidden, model));
  graph.output('logits', bySequence(logits, tokens));
  return graph.finish();
}

interface Context {
  readonly model: Model;
  readonly tokens: TokenInputs;
  readonly angles: (block: AttentionBlock) => AngleInputs;
  /** What the indexers of the layers so far have left of the mask; layers without their own take the last. */
  readonly choices: Value[];
}

/** Angles are worked out once for all blocks that rotate alike. */
function anglesOf(tokens: TokenInputs): Context['angles'] {
  const known = new Map<string, AngleInputs>();
  return ({ attention: { rope } }) => {
    const angles = known.get(ropeKey(rope)) ?? tokenAngles(rope, tokens);
    known.set(ropeKey(rope), angles);
    return angles;
  };
}

function throughBlock(hidden: Value, block: Block, context: Context): Value {
  const { graph } = hidden;
  const { model } = context;
  const residual = hasAttention(block)
    ? attended(hidden, block, context)
    : isRecurrent(block)
      ? recurred(hidden, block, context)
      : hidden;
  if (!hasFfn(block)) return residual;
  const input = ffnInputOf({ came: hidden, residual }, block, model);
  const parts = partsOf(block, model);
  const { ffn } = block;
  const made = graph.scoped('ffn', () =>
    ffn.kind === 'moe' ? moeFfn(input, ffn, parts).output : openFfn(input, ffn, { parts }).output,
  );
  return withBranch(residual, made, { part: 'ffn', block, model });
}

function attended(hidden: Value, block: AttentionBlock, context: Context): Value {
  const { model, tokens, angles, choices } = context;
  const graph = hidden.graph as GraphBuilder;
  const { attention: spec, index } = block;
  const own = angles(block);
  const cache = (part: 'key' | 'value', dim: number) =>
    graph.input(`past_key_values.${index}.${part}`, graph.carries === 'fp16' ? 'float16' : 'float32', [
      sizes.batch,
      spec.kvHeads,
      sizes.past,
      dim,
    ]);
  const x = attentionInput(hidden, block, model);
  const indexer = spec.kind === 'mla' ? spec.indexer : undefined;
  const { output, present, visible } = graph.scoped('attention', () =>
    cachedAttention(x, spec, {
      past: { key: cache('key', keyDimOf(spec)), value: cache('value', valueDimOf(spec)) },
      mask: indexer?.kind === 'shared' ? choices.at(-1)! : tokens.mask(reachOf(spec)),
      bySequence: (part) => bySequence(part, tokens),
      total: sizes.total,
      rotate: (part, _, pairing = spec.rope.pairing) => rotary(part, own, pairing),
      norms: model.config,
      ...(spec.queryScaling && { queryFactors: tokenQueryFactors(spec.queryScaling, tokens) }),
    }),
  );
  if (indexer?.kind === 'own') choices.push(visible);
  graph.output(`present.${index}.key`, present.key);
  graph.output(`present.${index}.value`, present.value);
  return withBranch(hidden, output, { part: 'attention', block, model });
}

function recurred(hidden: Value, block: RecurrentBlock, { model, tokens }: Context): Value {
  const x = attentionInput(hidden, block, model);
  const epsilon = model.config.rmsNormEps;
  const output = hidden.graph.scoped('mixer', () => tokenStates(x, block, { tokens, epsilon }));
  return withBranch(hidden, output, { part: 'attention', block, model });
}

function logitsOf(hidden: Value, model: Model): Value {
  const x = finalNormed(hidden, model);
  const bias = model.headBias ? weightFor(x, model.headBias) : null;
  return capped(carriedProduct(x, model.head, { bias, exact: true }), model.config);
}
