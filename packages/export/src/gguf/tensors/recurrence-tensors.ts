import {
  cols,
  elementCount,
  type GatedDeltaRule,
  rows,
  type ShortConvolution,
  type TensorExpr,
} from '@moepress/core';
import type { GgufTensor } from '../file/gguf-tensor.js';
import { linear, one, shaped } from './named.js';

/** Tensors of a short convolution; `stem` is that of the layer. */
export const convolutionTensors = (
  { input, convolution, o }: ShortConvolution,
  stem: string,
): GgufTensor[] => [
  ...linear(`${stem}.shortconv.in_proj`, input),
  kernels(`${stem}.shortconv.conv.weight`, convolution.weight),
  ...linear(`${stem}.shortconv.out_proj`, o),
];

/** Tensors of a gated delta rule. */
export function deltaRuleTensors(rule: GatedDeltaRule, stem: string): GgufTensor[] {
  const { input } = rule;
  const isTiled = input.layout === 'separate';
  const heads = isTiled ? tiledHeads(rule) : null;
  const byHead = (of: TensorExpr, size: number) => (heads ? rows(of, spread(heads, size)) : of);
  const { valueDim, keyHeads, keyDim, convolution, decay, decayBias, norm, o } = rule;
  const keys = 2 * keyHeads * keyDim;
  const channels = (of: TensorExpr) =>
    heads ? rows(of, [...upTo(keys), ...spread(heads, valueDim).map((row) => keys + row)]) : of;
  return [
    ...(input.layout === 'separate'
      ? [
          one(`${stem}.attn_qkv.weight`, channels(input.qkv.weight)),
          one(`${stem}.attn_gate.weight`, byHead(input.z.weight, valueDim)),
          one(`${stem}.ssm_beta.weight`, byHead(input.b.weight, 1)),
          one(`${stem}.ssm_alpha.weight`, byHead(input.a.weight, 1)),
        ]
      : input.layout === 'grouped'
        ? groupedInput(rule, { qkvz: input.qkvz.weight, ba: input.ba.weight }, stem)
        : []),
    kernels(`${stem}.ssm_conv1d.weight`, channels(convolution)),
    { ...one(`${stem}.ssm_a`, byHead(decay, 1), 'minus-exponential'), shape: [rule.valueHeads] },
    one(`${stem}.ssm_dt.bias`, byHead(decayBias, 1)),
    one(`${stem}.ssm_norm.weight`, norm),
    one(`${stem}.ssm_out.weight`, heads ? cols(o.weight, spread(heads, valueDim)) : o.weight),
  ];
}

/** Of rows by key head, with its queries, keys, values and gates: all queries, keys and values, and all gates. */
function groupedInput(
  { keyHeads, keyDim, valueHeads, valueDim }: GatedDeltaRule,
  { qkvz, ba }: { qkvz: TensorExpr; ba: TensorExpr },
  stem: string,
): GgufTensor[] {
  const values = (valueHeads / keyHeads) * valueDim;
  const size = 2 * keyDim + 2 * values;
  const part = (from: number, count: number) =>
    upTo(keyHeads).flatMap((head) => upTo(count).map((i) => head * size + from + i));
  const qkv = [...part(0, keyDim), ...part(keyDim, keyDim), ...part(2 * keyDim, values)];
  return [
    one(`${stem}.attn_qkv.weight`, rows(qkvz, qkv)),
    one(`${stem}.attn_gate.weight`, rows(qkvz, part(2 * keyDim + values, values))),
    one(`${stem}.ssm_ba.weight`, ba),
  ];
}

/** Value heads with those of the same key head apart: the first of each key head, then the second of each. */
const tiledHeads = ({ keyHeads, valueHeads }: GatedDeltaRule): number[] =>
  upTo(valueHeads).map((i) => (i % keyHeads) * (valueHeads / keyHeads) + Math.floor(i / keyHeads));

const spread = (heads: readonly number[], size: number): number[] =>
  heads.flatMap((head) => upTo(size).map((i) => head * size + i));

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** One kernel for each channel, without the axis of one between. */
const kernels = (name: string, of: TensorExpr): GgufTensor =>
  shaped(name, of, [of.shape[0]!, elementCount(of.shape) / of.shape[0]!]);
