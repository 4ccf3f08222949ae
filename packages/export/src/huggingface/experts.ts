import {
  biasName,
  type ExpertNames,
  type FusedNames,
  type MlpNames,
  raggedNames,
  tensorName,
} from '@moepress/checkpoint';
import { concat, type Expert, type Mlp, rows, type TensorExpr } from '@moepress/core';
import { type NamedStack, type NamedTensor, nameMlp, single } from './named.js';

/** The experts stored under a layer: each by itself where the family has names for that, else in stacks. */
export function nameExperts(
  experts: readonly Expert[],
  { separate, fused }: ExpertNames,
  layer: number,
): NamedTensor[] {
  if (experts.length === 0) return [];
  if (separate === null) return nameFused(experts, fused, layer);
  return experts.flatMap((expert, number) => nameMlp(separate, expert, { layer, expert: number }));
}

/** Experts of different widths, each by itself. */
export function nameRagged(experts: readonly Expert[], names: ExpertNames, layer: number): NamedTensor[] {
  return experts.flatMap((expert, number) =>
    nameOwnWidth(raggedNames(names).weights, expert, { layer, expert: number }),
  );
}

/** An MLP of a width of its own. Of one without channels only the bias of its output is stored. */
export function nameOwnWidth(
  names: MlpNames,
  mlp: Mlp,
  at: { readonly layer: number; readonly expert?: number },
): NamedTensor[] {
  if (mlp.width > 0) return nameMlp(names, mlp, at);
  return mlp.bias ? [single(tensorName(biasName(names.down), at), mlp.bias.down)] : [];
}

function nameFused(
  experts: readonly Expert[],
  { gateUp, down, bias, layout }: FusedNames,
  layer: number,
): NamedTensor[] {
  const transposed = layout === 'interleaved';
  const both = transposed ? interleaveRows : (gate: TensorExpr, up: TensorExpr) => concat([gate, up], 0);
  const stack = (template: string, part: (expert: Expert) => TensorExpr, isMatrix: boolean): NamedStack => ({
    kind: 'stack',
    name: tensorName(template, { layer }),
    of: experts.map(part),
    transposed: transposed && isMatrix,
  });
  const weights = [
    stack(gateUp, ({ gate, up }) => both(gate, up), true),
    stack(down, (expert) => expert.down, true),
  ];
  if (bias === null) return weights;
  return [
    ...weights,
    stack(bias.gateUp, (expert) => both(expert.bias!.gate, expert.bias!.up), false),
    stack(bias.down, (expert) => expert.bias!.down, false),
  ];
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

/** By the two lists, which the experts of a model may share. */
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
