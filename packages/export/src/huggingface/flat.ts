import { type ArchitectureManifest, type NamedTensor, tensorName } from '@moepress/checkpoint';
import { concat, type Expert, type Model, MoepressError, moeBlocks, type TensorExpr } from '@moepress/core';
import type { Placement } from './placement.js';

/**
 * The flat layout of the Less-is-MoE release (github.com/HectorHHZ/Less-is-MoE, docs/RAGGED_EXPERTS.md),
 * which its vLLM plugin reads. A layer has one list of numbers for gate and up of all its experts, one
 * expert after the other, each [2 I_e, H] with the gate's rows first; one for down, each [H, I_e]; and
 * with biases one of [2 I_e] and a matrix [experts, H]. The widths I_e stand in config.json.
 */

/** The content of the key `less_is_moe` in config.json. */
export interface FlatRecord {
  readonly format_version: 1 | 2;
  readonly weight_layout: 'flat_gate_up_down_v1' | 'flat_gate_up_down_v2';
  /** Widths of the experts by layer, in the order of the router's slots. */
  readonly expert_intermediate_sizes: Readonly<Record<string, readonly number[]>>;
  /** Present in version 2 only. */
  readonly expert_options?: { readonly activation: string; readonly bias: boolean };
}

/** Throws `CONFIG_UNSUPPORTED` for a model that the format cannot express. */
export function flatRecord(
  model: Model,
  { elsewhere }: ArchitectureManifest,
  placement: Placement,
): FlatRecord {
  const format = elsewhere?.flatFormat;
  if (!format) throw unsupported(`has no class for ${model.architecture}`, model);
  if (model.blocks.some(({ ffn }) => ffn.kind === 'dense')) {
    throw unsupported('wants experts in every layer', model);
  }
  const functions = moeBlocks(model).flatMap(({ ffn }) => ffn.pool.map(({ activation }) => activation.kind));
  if (functions.some((kind) => kind !== 'swiglu' && kind !== 'clamped-swiglu')) {
    throw unsupported('knows no activation but SwiGLU', model);
  }
  const widths = [...placement].map(([layer, experts]) => [layer, experts.map(({ width }) => width)]);
  return {
    format_version: format.version,
    weight_layout: `flat_gate_up_down_v${format.version}`,
    ...(format.version === 2 && { expert_options: { activation: format.activation, bias: format.bias } }),
    expert_intermediate_sizes: Object.fromEntries(widths),
  };
}

export function nameFlat(
  experts: readonly Expert[],
  { tensors }: ArchitectureManifest,
  layer: number,
): NamedTensor[] {
  const { gateUp, down, bias } = tensors.experts.fused;
  const flat = (template: string, part: (expert: Expert) => TensorExpr): NamedTensor => ({
    kind: 'flat',
    name: tensorName(template, { layer }),
    of: experts.map(part),
  });
  const weights = [flat(gateUp, both), flat(down, (expert) => expert.down)];
  if (bias === null) return weights;
  return [
    ...weights,
    flat(bias.gateUp, (expert) => both(expert.bias!)),
    {
      kind: 'stack',
      name: tensorName(bias.down, { layer }),
      of: experts.map((expert) => expert.bias!.down),
      transposed: false,
    },
  ];
}

/** The gate, if there is one, and up, one below the other. */
const both = ({ gate, up }: Pick<Expert, 'up'> & { readonly gate: TensorExpr | null }): TensorExpr =>
  gate ? concat([gate, up], 0) : up;

function unsupported(problem: string, { id }: Model): MoepressError {
  return new MoepressError('CONFIG_UNSUPPORTED', {
    message: `The less-is-moe layout ${problem}.`,
    where: id,
    hint: 'Choose the layout compact, materialised or masked.',
  });
}
