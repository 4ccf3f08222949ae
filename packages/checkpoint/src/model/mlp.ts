import { type Mlp, rows, type TensorExpr, transpose } from '@moepress/core';
import { biasName, type FusedNames, type MlpNames } from '../architectures/manifest.js';
import type { GateUpRows, Parts } from './build-context.js';
import type { StoredExpert } from './experts.js';
import { takeRagged } from './ragged.js';
import type { Place, Slab } from './tensor-source.js';

/** An MLP with tensors of its own. Throws what `TensorSource.take` throws. */
export function takeMlp(
  names: MlpNames,
  width: number,
  at: Place,
  { config, tensors }: Parts,
  biased = false,
): Mlp {
  const { hiddenSize } = config.decoder;
  return {
    width,
    gate: tensors.matrix(names.gate, [width, hiddenSize], at),
    up: tensors.matrix(names.up, [width, hiddenSize], at),
    down: tensors.matrix(names.down, [hiddenSize, width], at),
    bias: biased
      ? {
          gate: tensors.take(biasName(names.gate), [width], at),
          up: tensors.take(biasName(names.up), [width], at),
          down: tensors.take(biasName(names.down), [hiddenSize], at),
        }
      : null,
    activation: config.ffn.activation,
  };
}

/** A routed expert. Throws what `TensorSource.take` throws. */
export function takeExpert({ layer, number, count, width }: StoredExpert, parts: Parts): Mlp {
  const { separate, fused } = parts.manifest.tensors.experts;
  const at = { layer, expert: number };
  if (width !== null) return takeRagged(at, width, parts);
  const isFused =
    separate === null || (!parts.tensors.has(separate.gate, at) && parts.tensors.has(fused.gateUp, at));
  return isFused
    ? takeFused(fused, layer, { index: number, count }, parts)
    : takeMlp(separate, parts.config.ffn.expertWidth, at, parts);
}

function takeFused(names: FusedNames, layer: number, of: Slab, { config, tensors, gateUpRows }: Parts): Mlp {
  const { hiddenSize } = config.decoder;
  const { expertWidth: width, activation } = config.ffn;
  const at = { layer };
  const matrix = (template: string, shape: readonly [number, number]): TensorExpr => {
    if (names.layout === 'stacked') return tensors.fused(template, shape, at, of);
    if (tensors.has(`${template}_blocks`, at)) return tensors.fusedMxfp4(template, shape, at, of);
    return transpose(tensors.fused(template, shape.toReversed(), at, of));
  };
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

/** Which rows of the two projections together are the gate's and which up's. */
export function lazySplit(layout: FusedNames['layout'], width: number): () => GateUpRows {
  let split: GateUpRows | undefined;
  return () => {
    split ??= splitRows(layout, width);
    return split;
  };
}

function splitRows(layout: FusedNames['layout'], width: number): GateUpRows {
  const channels = Array.from({ length: width }, (_, channel) => channel);
  if (layout === 'stacked') return { gate: channels, up: channels.map((channel) => width + channel) };
  return { gate: channels.map((channel) => 2 * channel), up: channels.map((channel) => 2 * channel + 1) };
}
