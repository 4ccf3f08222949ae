import { type Budget, type BudgetLayer, totalSteps } from '@moepress/core';
import { outputGram } from '@moepress/graph';
import { z } from 'zod';

const options = z.strictObject({
  /**
   * How even the layers must stay: the entropy of the shares of experts that they keep, divided by the largest that there can be,
   * stays above it as long as some layer allows that. 0 lets any layer lose all that it can.
   */
  entropy: z.number().min(0).max(1).default(0.98),
});

/**
 * A budget by redundancy, after GRAPE (arXiv:2604.06542): layers whose experts resemble each other lose more of them. Experts
 * resemble each other by the cosine of their outputs on all calibration tokens. Step by step the most similar pair of the whole model
 * loses the one with the lower score, until as many steps are taken as a uniform budget takes; a layer is passed over when the
 * others would fall behind it by `entropy`. What leaves in the end are each layer's lowest experts by the score of the method, as
 * many as the layer gave up here. The paper merges the pairs and restarts where budgets gather in few layers; the bound is our
 * reading of that.
 */
export const grape: Budget<z.infer<typeof options>> = {
  specVersion: 1,
  name: 'grape',
  title: 'Layers whose experts resemble each other lose more of them',
  reference: 'after arXiv:2604.06542',
  options,
  isUniform: false,
  needs: () => [outputGram],
  allot({ layers, options: { entropy } }) {
    const states = layers.map((layer) => new Redundancy(layer));
    for (let left = totalSteps(layers); left > 0; left--) {
      const able = states.filter((state) => state.canLose);
      if (able.length === 0) break;
      const even = able.filter((state) => evenness(states, state) >= entropy);
      const candidates = even.length > 0 ? even : [mostEven(able, states)];
      candidates.reduce((best, state) => (state.similarity > best.similarity ? state : best)).lose();
    }
    return states.map(({ steps }) => ({ steps }));
  },
};

/** The experts of a layer that are left, with the pair in each group that is most alike. */
class Redundancy {
  steps = 0;
  readonly #layer: BudgetLayer;
  readonly #cosines: Float64Array;
  readonly #runs: number[][];
  #pairs: readonly Pair[];

  constructor(layer: BudgetLayer) {
    this.#layer = layer;
    this.#cosines = cosinesOf(layer.evidence.read(outputGram, 'gram'));
    const { slots } = layer.ffn;
    const size = slots.length / layer.step;
    this.#runs = Array.from({ length: layer.step }, (_, run) => slots.slice(run * size, (run + 1) * size));
    this.#pairs = this.#closest();
  }

  get canLose(): boolean {
    return (
      this.steps < this.#layer.most && this.#pairs.every(({ cosine }) => cosine > Number.NEGATIVE_INFINITY)
    );
  }

  /** The mean over groups of how much alike the two closest experts are. */
  get similarity(): number {
    return this.#pairs.reduce((sum, { cosine }) => sum + cosine, 0) / this.#pairs.length;
  }

  /** Experts that are left if `more` steps are taken. */
  keptAfter(more: number): number {
    return this.#layer.scores.length - this.#layer.step * (this.steps + more);
  }

  /** Of each closest pair the one with the lower score leaves, or the one with the higher index. */
  lose(): void {
    const { scores } = this.#layer;
    for (const [run, { a, b }] of this.#pairs.entries()) {
      const gone = scores[a]! < scores[b]! ? a : b;
      this.#runs[run] = this.#runs[run]!.filter((expert) => expert !== gone);
    }
    this.steps += 1;
    this.#pairs = this.#closest();
  }

  #closest(): Pair[] {
    const n = this.#layer.scores.length;
    return this.#runs.map((run) => {
      let best: Pair = { a: run[0]!, b: run[0]!, cosine: Number.NEGATIVE_INFINITY };
      for (const [i, a] of run.entries()) {
        for (const b of run.slice(i + 1)) {
          const cosine = this.#cosines[a * n + b]!;
          if (cosine > best.cosine) best = { a, b, cosine };
        }
      }
      return best;
    });
  }
}

interface Pair {
  readonly a: number;
  readonly b: number;
  readonly cosine: number;
}

/** Cosines of the vectors with this Gram matrix [N, N]; 0 for those of length 0. */
function cosinesOf(gram: Float64Array): Float64Array {
  const n = Math.sqrt(gram.length);
  return gram.map((product, i) => {
    const [a, b] = [Math.floor(i / n), i % n];
    const lengths = Math.sqrt(gram[a * n + a]! * gram[b * n + b]!);
    return lengths > 0 ? product / lengths : 0;
  });
}

/** The entropy of the shares of experts that layers keep once `next` has lost another step, in [0, 1]. */
function evenness(states: readonly Redundancy[], next: Redundancy): number {
  if (states.length === 1) return 1;
  const kept = states.map((state) => state.keptAfter(state === next ? 1 : 0));
  const total = kept.reduce((sum, count) => sum + count, 0);
  const entropy = kept.reduce((sum, count) => sum - (count / total) * Math.log(count / total), 0);
  return entropy / Math.log(states.length);
}

const mostEven = (able: readonly Redundancy[], states: readonly Redundancy[]): Redundancy =>
  able.reduce((best, state) => (evenness(states, state) > evenness(states, best) ? state : best));
