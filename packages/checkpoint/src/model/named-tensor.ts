import type { Linear, TensorExpr } from '@moepress/core';
import { type Place, tensorName } from '../architectures/manifest.js';

/** A tensor of a checkpoint under its name, before it is settled whether quantised weights stay so. */
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

export function single(template: string, of: TensorExpr, at: Place = {}): NamedSingle {
  return { kind: 'single', name: tensorName(template, at), of };
}

/** `stem` is the name before `.weight` and `.bias`. */
export function nameLinear(stem: string, { weight, bias }: Linear, at: Place): NamedTensor[] {
  const named = single(`${stem}.weight`, weight, at);
  return bias ? [named, single(`${stem}.bias`, bias, at)] : [named];
}
