import type { Block, Model, TensorExpr } from '@moepress/core';
import type { GgufArchitecture } from '../architectures/gguf-architecture.js';
import type { GgufTensor, ValueMap } from '../file/gguf-tensor.js';
import { groupedTensors, latentTensors } from './attention-tensors.js';
import { ffnTensors } from './ffn-tensors.js';
import { one } from './named.js';
import { partTensors } from './part-tensors.js';
import { convolutionTensors, deltaRuleTensors } from './recurrence-tensors.js';

/** All tensors of a view under the names that llama.cpp has for them, in the order of the layers. */
export function modelTensors(model: Model, architecture: GgufArchitecture): GgufTensor[] {
  const { embed, head, headBias, finalNorm, finalNormBias, blocks, config } = model;
  const norm: ValueMap | undefined = config.normOffset === 1 ? 'plus-one' : undefined;
  const isTied = config.tiedEmbeddings && !architecture.untied;
  return [
    one('token_embd.weight', embed),
    ...blocks.flatMap((block) => blockTensors(block, architecture, norm)),
    one(`${architecture.finalNorm ?? 'output_norm'}.weight`, finalNorm, norm),
    ...(finalNormBias ? [one('output_norm.bias', finalNormBias)] : []),
    ...(isTied ? [] : [one('output.weight', head)]),
    ...(headBias ? [one('output.bias', headBias)] : []),
  ];
}

function blockTensors(
  block: Block,
  architecture: GgufArchitecture,
  norm: ValueMap | undefined,
): GgufTensor[] {
  const { index, attention, ffn, norms, outputScale } = block;
  const stem = `blk.${index}`;
  const { ffnNorm = 'ffn_norm' } = architecture;
  const isAfter = norms.place === 'after';
  const [before, behind] = isAfter ? ['post_attention_norm', 'post_ffw_norm'] : ['attn_norm', ffnNorm];
  const normed = (name: string, of: TensorExpr | null | undefined) =>
    of ? [one(`${stem}.${name}.weight`, of, norm)] : [];
  return [
    ...normed(before!, norms.attention),
    ...(norms.bias?.attention ? [one(`${stem}.${before}.bias`, norms.bias.attention)] : []),
    ...(attention.kind === 'gqa' ? groupedTensors(attention, stem, architecture, norm) : []),
    ...(attention.kind === 'mla' ? latentTensors(attention, stem, architecture) : []),
    ...(attention.kind === 'gated-delta-rule' ? deltaRuleTensors(attention, stem) : []),
    ...(attention.kind === 'short-convolution' ? convolutionTensors(attention, stem) : []),
    ...normed('post_attention_norm', norms.after?.attention),
    ...normed(behind!, norms.ffn),
    ...(norms.bias?.ffn ? [one(`${stem}.${behind}.bias`, norms.bias.ffn)] : []),
    ...(norms.parts && ffn.kind === 'moe'
      ? partTensors(ffn, norms.parts, { stem, architecture })
      : ffn.kind === 'none'
        ? []
        : ffnTensors(ffn, stem, architecture)),
    ...normed('post_ffw_norm', norms.after?.ffn),
    ...(outputScale ? [one(`${stem}.layer_output_scale.weight`, outputScale)] : []),
  ];
}
