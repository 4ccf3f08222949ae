import { type Expert, type Mlp, rows, type TensorExpr, transpose } from '@moepress/core';
import { type ExpertNames, type FusedNames, type MlpNames, tensorName } from '../architectures/manifest.js';
import type { BuildContext } from './build-context.js';
import type { StoredExpert } from './compact.js';
import { fuseGateUp } from './gate-up.js';
import { nameMlp, nameOwnWidth, takeMlp, takeOwnWidth } from './mlp.js';
import type { NamedStack, NamedTensor } from './named-tensor.js';
import type { Slab } from './tensor-source.js';

/** A routed expert. Throws what `TensorSource.take` throws. */
export function takeExpert(stored: StoredExpert, context: BuildContext): Mlp {
  const { layer, number, count, width } = stored;
  const { experts: names } = context.manifest.tensors;
  const { separate, fused } = names;
  const at = { layer, expert: number };
  const space = context.config.ffn.expertSpace;
  if (width !== null) {
    return takeOwnWidth(
      ownWidthNames(names),
      { width, at, biased: fused.bias !== null || stored.constant, space },
      context,
    );
  }
  const single = ownWidthNames(names);
  const isSingle = context.tensors.has(single.down, at);
  const isFused = separate === null ? !isSingle : !isSingle && context.tensors.has(fused.gateUp, at);
  const biased = separate === null && fused.bias !== null;
  return isFused
    ? takeFused(fused, layer, { index: number, count }, context)
    : takeMlp(single, { width: context.config.ffn.expertWidth, at, biased, space }, context);
}

/**
 * The experts stored under a layer, by the names `takeExpert` takes them by: each by itself where the family has names
 * for that, else in stacks.
 */
export function nameExperts(experts: readonly Expert[], names: ExpertNames, layer: number): NamedTensor[] {
  const { separate, fused } = names;
  if (experts.length === 0) return [];
  if (separate === null) return nameFused(experts, fused, layer);
  return experts.flatMap((expert, number) => nameMlp(separate, expert, { layer, expert: number }));
}

/** Experts of different widths, each by itself. */
export function nameRagged(experts: readonly Expert[], names: ExpertNames, layer: number): NamedTensor[] {
  return experts.flatMap((expert, number) =>
    nameOwnWidth(ownWidthNames(names), expert, { layer, expert: number }),
  );
}

/** Experts of different widths do not fit into one tensor: each has tensors of its own in every family. */
const ownWidthNames = (names: ExpertNames): MlpNames =>
  names.separate === null ? names.ownWidth : names.separate;

function takeFused(
  names: FusedNames,
  layer: number,
  of: Slab,
  { config, tensors, gateUpRows }: BuildContext,
): Mlp {
  const { expertWidth: width, activation, expertSpace } = config.ffn;
  const hiddenSize = expertSpace ?? config.decoder.hiddenSize;
  const at = { layer };
  const matrix = (template: string, shape: readonly [number, number]): TensorExpr => {
    if (names.layout === 'stacked' || names.layout === 'ungated')
      return tensors.fused(template, shape, at, of);
    if (tensors.has(`${template}_blocks`, at)) return tensors.fusedMxfp4(template, shape, at, of);
    return transpose(tensors.fused(template, shape.toReversed(), at, of));
  };
  if (names.layout === 'ungated') {
    const [up, down] = [matrix(names.gateUp, [width, hiddenSize]), matrix(names.down, [hiddenSize, width])];
    return { width, gate: null, up, down, bias: null, activation };
  }
  const gateUp = matrix(names.gateUp, [2 * width, hiddenSize]);
  const down = matrix(names.down, [hiddenSize, width]);
  const { gate, up } = gateUpRows();
  const bias = names.bias && {
    gateUp: tensors.fused(names.bias.gateUp, [2 * width], at, of),
    down: tensors.fused(names.bias.down, [hiddenSize], at, of),
  };
  return {
    width,
    gate: rows(gateUp, gate),
    up: rows(gateUp, up),
    down,
    bias: bias && { gate: rows(bias.gateUp, gate), up: rows(bias.gateUp, up), down: bias.down },
    activation,
  };
}

function nameFused(
  experts: readonly Expert[],
  { gateUp, down, bias, layout }: FusedNames,
  layer: number,
): NamedTensor[] {
  const stack = (template: string, part: (expert: Expert) => TensorExpr, isMatrix: boolean): NamedStack => ({
    kind: 'stack',
    name: tensorName(template, { layer }),
    of: experts.map(part),
    transposed: layout !== 'stacked' && isMatrix,
  });
  const weights = [
    stack(gateUp, (expert) => fuseGateUp(layout, expert), true),
    stack(down, (expert) => expert.down, true),
  ];
  if (bias === null) return weights;
  return [
    ...weights,
    stack(bias.gateUp, (expert) => fuseGateUp(layout, expert.bias!), false),
    stack(bias.down, (expert) => expert.bias!.down, false),
  ];
}
