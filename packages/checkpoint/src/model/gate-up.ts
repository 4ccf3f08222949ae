import { concat, rows, type TensorExpr } from '@moepress/core';
import type { FusedNames } from '../architectures/manifest.js';

/** Which rows of the two projections in one tensor are the gate's and which are up's. */
export interface GateUpRows {
  readonly gate: readonly number[];
  readonly up: readonly number[];
}

/** The rows in a fused tensor of experts of `width` channels, worked out when they are first asked for. */
export function lazyGateUpRows(layout: FusedNames['layout'], width: number): () => GateUpRows {
  let known: GateUpRows | undefined;
  return () => {
    known ??= gateUpRows(layout, width);
    return known;
  };
}

/** The rows in a tensor of `width` channels. */
export function gateUpRows(layout: FusedNames['layout'], width: number): GateUpRows {
  const channels = Array.from({ length: width }, (_, channel) => channel);
  if (layout !== 'interleaved') return { gate: channels, up: channels.map((channel) => width + channel) };
  return { gate: channels.map((channel) => 2 * channel), up: channels.map((channel) => 2 * channel + 1) };
}

/** Undoes the split: gate and up as one tensor with its rows in the order of the layout. */
export function fuseGateUp(
  layout: FusedNames['layout'],
  { gate, up }: { readonly gate: TensorExpr | null; readonly up: TensorExpr },
): TensorExpr {
  if (gate === null) return up;
  return layout !== 'interleaved' ? concat([gate, up], 0) : interleaveRows(gate, up);
}

/** Row 0 of both, then row 1 of both: rows that were taken from one tensor like this give it back uncopied. */
function interleaveRows(gate: TensorExpr, up: TensorExpr): TensorExpr {
  const height = gate.shape[0]!;
  if (gate.kind === 'rows' && up.kind === 'rows' && gate.of === up.of) {
    return rows(gate.of, alternate(gate.indices, up.indices));
  }
  const own = Array.from({ length: height }, (_, row) => row);
  return rows(
    concat([gate, up], 0),
    alternate(
      own,
      own.map((row) => height + row),
    ),
  );
}

/** Cached by the two lists, which the experts of a model may share. */
const alternated = new WeakMap<readonly number[], WeakMap<readonly number[], readonly number[]>>();

/** `[a[0], b[0], a[1], b[1], ...]` */
function alternate(a: readonly number[], b: readonly number[]): readonly number[] {
  const known = alternated.get(a) ?? new WeakMap<readonly number[], readonly number[]>();
  alternated.set(a, known);
  let both = known.get(b);
  if (!both) {
    both = interleaved(a, b);
    known.set(b, both);
  }
  return both;
}

function interleaved(a: readonly number[], b: readonly number[]): number[] {
  const both = new Array<number>(2 * a.length);
  for (let i = 0; i < a.length; i++) {
    both[2 * i] = a[i]!;
    both[2 * i + 1] = b[i]!;
  }
  return both;
}
