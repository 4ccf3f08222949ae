import { describe, type MethodTools, MoepressError, type Work } from '@moepress/core';
import type { Member } from './scopes.js';

const epsilon = 1e-8;
const projections = ['gate', 'up', 'down'] as const;

/**
 * Distances between experts in raw parameter space, n x n, symmetric with a zero diagonal, in [0, 2]:
 *
 *     delta_m(e, e') = 2 ||W_e - W_e'||_F / (||W_e||_F + ||W_e'||_F + 2 epsilon)
 *     d(e, e')       = (delta_gate + delta_up + delta_down) / 3
 *
 * (arXiv:2605.29350, appendix B.1), of the weights alone where experts have biases, too. Independently
 * trained experts lie near sqrt(2). Norms come from inner products,
 * ||A - B||^2 = ||A||^2 + ||B||^2 - 2 <A, B>, so weights are read once for each projection.
 * Throws `WEIGHTS_NOT_FINITE` naming the tensor.
 */
export async function distancesBetween(
  members: readonly Member[],
  tools: MethodTools,
  work: Work = {},
): Promise<Float64Array> {
  const n = members.length;
  const distances = new Float64Array(n * n);
  const present = projections.filter((projection) => members.every(({ expert }) => expert[projection]));
  for (const projection of present) {
    const tensors = members.map(({ expert }) => expert[projection]!);
    const gram = await tools.gram(tensors, work);
    const squares = tensors.map((tensor, e) => {
      const square = gram[e * n + e]!;
      if (Number.isFinite(square)) return square;
      throw new MoepressError('WEIGHTS_NOT_FINITE', {
        message: 'The tensor contains NaN or infinity.',
        where: describe(tensor),
      });
    });
    for (let a = 0; a < n; a++) {
      for (let b = a + 1; b < n; b++) {
        const [aa, bb] = [squares[a]!, squares[b]!];
        const difference = Math.sqrt(Math.max(0, aa + bb - 2 * gram[a * n + b]!));
        const delta = (2 * difference) / (Math.sqrt(aa) + Math.sqrt(bb) + 2 * epsilon);
        distances[a * n + b]! += delta / present.length;
        distances[b * n + a] = distances[a * n + b]!;
      }
    }
  }
  return distances;
}
