import {
  cols,
  rows,
  type SelectExpr,
  type SumExpr,
  type TensorExpr,
  transpose,
  weightedSum,
} from '@moepress/core/tensor';

/** What sums become, so that they become the same each time they are met. */
const known = new WeakMap<SumExpr, TensorExpr>();

/**
 * A sum of transposed matrices as the transposed sum, also where the same rows or columns of each are chosen: a
 * transposed matrix has to be held whole, and so it is one instead of many. Any other sum is itself.
 */
export function outsideIn(sum: SumExpr): TensorExpr {
  const before = known.get(sum);
  if (before) return before;
  const after = rewritten(sum);
  known.set(sum, after);
  return after;
}

function rewritten(sum: SumExpr): TensorExpr {
  const { of, factors } = sum;
  if (of.every((term) => term.kind === 'transpose')) {
    return transpose(
      weightedSum(
        of.map((term) => term.of),
        factors,
      ),
    );
  }
  if (!of.every(isSelection)) return sum;
  const { kind, indices } = of[0]!;
  const isCommon = of.every((term) => term.kind === kind && isSame(term.indices, indices));
  if (!isCommon) return sum;
  const inner = weightedSum(
    of.map((term) => term.of),
    factors,
  );
  const turned = inner.kind === 'sum' ? outsideIn(inner) : inner;
  if (turned === inner) return sum;
  return kind === 'rows' ? rows(turned, indices) : cols(turned, indices);
}

const isSelection = (term: TensorExpr): term is SelectExpr => term.kind === 'rows' || term.kind === 'cols';

const isSame = (a: readonly number[], b: readonly number[]): boolean =>
  a === b || (a.length === b.length && a.every((index, i) => index === b[i]));
