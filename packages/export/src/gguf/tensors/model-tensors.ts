import type { Block, Model, TensorExpr } from '@moepress/core';
import type { GgufArchitecture } from '../architectures/gguf-architecture.js';
import type { GgufTensor, ValueMap } from '../file/gguf-tensor.js';
import { groupedTensors, latentTensors } from './attention-tensors.js';
import { ffnTensors } from './ffn-tensors.js';
import { one } from './named.js';

/** All tensors of a view under the names that llama.cpp has for them, in the order of the layers. */
export function modelTensors(model: Model, architecture: GgufArchitecture): GgufTensor[] {
  const { embed, head, headBias, finalNorm, finalNormBias, blocks, config } = model;
  const norm: ValueMap | undefined = config.normOffset === 1 ? 'plus-one' : undefined;
  const isTied = config.tiedEmbeddings && !architecture.untied;
  return [
    one('token_embd.weight', embed),
    ...blocks.flatMap((block) => blockTensors(block, architecture, norm)),
    one('output_norm.weight', finalNorm, norm),
    ...(finalNormBias ? [one('output_norm.bias', finalNormBias)] : []),
    ...(isTied ? [] : [one('output.weight', head)]),
    ...(headBias ? [one('output.bias', headBias)] : []),
  ];
}

function blockTensors(
  { index, attention, ffn, norms, outputScale }: Block,
  architecture: GgufArchitecture,
  norm: ValueMap | undefined,
): GgufTensor[] {
  const stem = `blk.${index}`;
  const { ffnNorm = 'ffn_norm' } = architecture;
  const isAfter = norms.place === 'after';
  const [before, behind] = isAfter ? ['post_attention_norm', 'post_ffw_norm'] : ['attn_norm', ffnNorm];
  const normed = (name: string, of: TensorExpr | null | undefined) =>
    of ? [one(`${stem}.${name}.weight`, of, norm)] : [];
  return [
    ...normed(before!, norms.attention),
    ...(norms.bias ? [one(`${stem}.${before}.bias`, norms.bias.attention)] : []),
    ...(attention.kind === 'gqa' ? groupedTensors(attention, stem, architecture, norm) : []),
    ...(attention.kind === 'mla' ? latentTensors(attention, stem, architecture) : []),
    ...normed('post_attention_norm', norms.after?.attention),
    ...normed(behind!, norms.ffn),
    ...(norms.bias ? [one(`${stem}.${behind}.bias`, norms.bias.ffn)] : []),
    ...(ffn.kind === 'none' ? [] : ffnTensors(ffn, stem)),
    ...normed('post_ffw_norm', norms.after?.ffn),
    ...(outputScale ? [one(`${stem}.layer_output_scale.weight`, outputScale)] : []),
  ];
}
