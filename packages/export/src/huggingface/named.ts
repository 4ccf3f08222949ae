import { biasName, type MlpNames, tensorName } from '@moepress/checkpoint';
import type { Linear, Mlp, TensorExpr } from '@moepress/core';

/** What will stand under one name, before it is settled whether quantised weights stay so. */
export type NamedTensor = NamedSingle | NamedStack | NamedFlat;

export interface NamedSingle {
  readonly kind: 'single';
  readonly name: string;
  readonly of: TensorExpr;
}

/** Tensors of one shape, one after the other along a new first axis. */
export interface NamedStack {
  readonly kind: 'stack';
  readonly name: string;
  readonly of: readonly TensorExpr[];
  /** Whether the family stores these matrices [in, out], unless it does so in blocks. */
  readonly transposed: boolean;
}

/** Tensors one after the other as one list of numbers, never quantised. */
export interface NamedFlat {
  readonly kind: 'flat';
  readonly name: string;
  readonly of: readonly TensorExpr[];
}

export function single(name: string, of: TensorExpr): NamedSingle {
  return { kind: 'single', name, of };
}

/** `stem` is the name before `.weight` and `.bias`. */
export function nameLinear(stem: string, { weight, bias }: Linear, layer: number): NamedTensor[] {
  const named = single(tensorName(`${stem}.weight`, { layer }), weight);
  return bias ? [named, single(tensorName(`${stem}.bias`, { layer }), bias)] : [named];
}

/** With its biases, if it has some. */
export function nameMlp(
  names: MlpNames,
  { gate, up, down, bias }: Mlp,
  at: { readonly layer: number; readonly expert?: number },
): NamedTensor[] {
  const weights = [
    single(tensorName(names.gate, at), gate),
    single(tensorName(names.up, at), up),
    single(tensorName(names.down, at), down),
  ];
  if (bias === null) return weights;
  const biases = (['gate', 'up', 'down'] as const).map((part) =>
    single(tensorName(biasName(names[part]), at), bias[part]),
  );
  return [...weights, ...biases];
}
