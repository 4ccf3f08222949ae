import type { Scorer } from '@moepress/core';
import { expertHits, outputSums, squaredOutputNorms } from '@moepress/graph';

/**
 * The score of MoNE (arXiv:2507.00390): how often an expert is chosen times how much its output varies, n σ. n counts its
 * tokens, and σ = sqrt(Σ ||f(x) - f̄||_2^2 / (n - 1)) is the norm of the unbiased standard deviations of the H components of its
 * output; the sum is taken as Σ ||f(x)||^2 - n ||f̄||^2. With fewer than two tokens nothing is known of σ, and the score is 0.
 * The paper fuses its two measures by their product and then puts constants in the place of the lowest experts; this one
 * drops them, and the method `mone` does as the paper.
 */
export const moneScore: Scorer = {
  name: 'mone-score',
  title: "MoNE's score: expert dropping by use and variance of outputs",
  reference: 'arXiv:2507.00390',
  needs: [expertHits, outputSums, squaredOutputNorms],
  score(layer) {
    const counts = layer.read(expertHits, 'count');
    const [sums, squares] = [layer.read(outputSums, 'sum'), layer.read(squaredOutputNorms, 'sum')];
    const width = sums.length / counts.length;
    return counts.map((n, e) => {
      if (n < 2) return 0;
      const sum = sums.subarray(e * width, (e + 1) * width);
      const ofMean = sum.reduce((total, value) => total + value ** 2, 0) / n;
      return n * Math.sqrt(Math.max(0, squares[e]! - ofMean) / (n - 1));
    });
  },
};
